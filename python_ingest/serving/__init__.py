"""What applications read through: a pool of readers, the hot day, `ingest serve` and its client."""

from python_ingest.extras import require

require("serve", "python_ingest.serving")

from python_ingest.serving.pool import Reader, ReaderPool  # noqa: E402 - says what it lacks before

__all__ = ["Reader", "ReaderPool"]
