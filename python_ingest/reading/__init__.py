"""What readers use: the published file and queries on it."""

from python_ingest.reading.pool import Reader, ReaderPool

__all__ = ["Reader", "ReaderPool"]
