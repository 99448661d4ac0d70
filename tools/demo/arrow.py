"""Integers of 1e-8 to the canonical Arrow columns, and tables to files that appear whole."""

import gzip
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from python_ingest.storage.files import move_into_place

UNIT = 100_000_000
"""Money and sizes are integers of 1e-8 here, as DECIMAL(18,8) stores them."""

MONEY = pa.decimal64(18, 8)
TIME = pa.timestamp("us")


def money(units: np.ndarray, valid: np.ndarray | None = None) -> pa.Array:
    """Return int64 units of 1e-8 as decimal(18,8); NULL where `valid` is false."""
    units = np.ascontiguousarray(units, dtype="<i8")
    mask = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(MONEY, len(units), [mask, pa.py_buffer(units)])


def money_text(units: int) -> str:
    """Return units of 1e-8 as decimal text: 150000000 is '1.50000000'."""
    sign = "-" if units < 0 else ""
    return f"{sign}{abs(units) // UNIT}.{abs(units) % UNIT:08d}"


def partial_name(path: Path) -> Path:
    """Return the path under which a file is written before it is renamed."""
    return path.with_name(path.name + ".tmp")


def open_parquet(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a Parquet file whose types any engine reads: no Arrow schema inside, plain integers."""
    return pq.ParquetWriter(
        partial_name(path),
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=["exchange", "symbol", "kind"],
        store_decimal_as_integer=True,
        store_schema=False,
    )


def write_parquet(path: Path, table: pa.Table) -> Path:
    """Write one Parquet file, whole or not at all."""
    with open_parquet(path, table.schema) as writer:
        writer.write_table(table)
    move_into_place(partial_name(path), path)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write one text file, whole or not at all; `.gz` compresses it without a clock inside."""
    data = text.encode()
    partial_name(path).write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    move_into_place(partial_name(path), path)
    return path


def ndjson(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return one JSON object per line; keys without a value are left out."""
    lines = (
        orjson.dumps({key: value for key, value in row.items() if value is not None})
        for row in rows
    )
    return b"".join(line + b"\n" for line in lines).decode()


def csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return CSV text of values that need no quotes."""
    return "".join(",".join(row) + "\n" for row in (header, *rows))


def iso(micros: int) -> str:
    """Return microseconds since 1970 as ISO text in UTC."""
    return str(np.datetime64(micros, "us")) + "Z"
