"""Writes a Parquet file anew with the times of some columns as texts.

A process of its own: of a damaged file pyarrow may end the process that reads it, and one bad file
stops no other.

    python -m python_ingest.feeds.parquet_times PATH WRITTEN COLUMN...
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

UNREADABLE = 11
"""Exit code: it cannot be read."""

_FIRST_MILLISECOND, _LAST_MILLISECOND = -62_135_596_800_000, 253_402_300_799_999  # years 1 to 9999


def main(path: Path, written: Path, columns: Sequence[str]) -> int:
    """Write a copy; return 0, or UNREADABLE. Raises OSError where there is no room."""
    try:
        _rewrite(path, written, columns)
    except pa.ArrowException:
        return UNREADABLE
    return 0


def _rewrite(path: Path, written: Path, texts: Sequence[str]) -> None:
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        for name in texts:
            at = schema.get_field_index(name)
            schema = schema.set(at, pa.field(name, pa.string()))
        with pq.ParquetWriter(written, schema) as writer:
            for batch in file.iter_batches():
                values = [
                    _as_texts(batch[name]) if name in texts else batch[name]
                    for name in schema.names
                ]
                writer.write_batch(pa.record_batch(values, schema=schema))


def _as_texts(times: pa.Array) -> pa.Array:
    """Return times in milliseconds as texts; one beyond the calendar is its number."""
    numbers = times.cast(pa.int64())
    there = pc.and_(
        pc.greater_equal(numbers, _FIRST_MILLISECOND), pc.less_equal(numbers, _LAST_MILLISECOND)
    )
    if times.type.tz:
        times = times.cast(pa.timestamp("ms", "UTC"))
    texts = pc.if_else(there, times, pa.scalar(None, times.type)).cast(pa.string())
    return pc.coalesce(texts, pc.binary_join_element_wise(numbers.cast(pa.string()), "ms", " "))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
