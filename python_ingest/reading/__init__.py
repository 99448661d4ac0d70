"""What readers use: the published file, the hot day, and queries on them."""

from python_ingest.reading.pool import Reader, ReaderPool

__all__ = ["Reader", "ReaderPool"]
