"""What applications read through: a pool of readers, the hot day, `ingest serve` and its client."""

from python_ingest.serving.pool import Reader, ReaderPool

__all__ = ["Reader", "ReaderPool"]
