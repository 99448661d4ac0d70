"""Which format a file is in, by its content."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from python_ingest.errors import FileRejectedError, UsageError
from python_ingest.feeds import binance, json_lines, parquet, text
from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.relation import Scan

FORMATS = ("parquet", "csv", "ndjson", "binance")

_LOCAL_CLOCK = re.compile(r"^\d{10,20} +\{")
_BINANCE_EVENT = re.compile(r'"e"\s*:\s*"|^\{"stream"|"u"\s*:\s*\d+\s*,\s*"s"\s*:\s*"')


def scan_of(
    connection: duckdb.DuckDBPyConnection, kind: Kind, path: Path, named: str | None
) -> Scan:
    """Return the file's reading in the named format, or in the one its content shows.

    Raises FileRejectedError when the file is in no format that has rows of this kind, UsageError
    when the named format does not exist.
    """
    if named is not None and named not in FORMATS:
        raise UsageError(f"--format {named}: not one of {', '.join(FORMATS)}")
    found = named or _by_content(path)
    if found == "parquet":
        return parquet.scan(connection, kind, path)
    if found == "csv":
        return text.csv_scan(kind, path)
    if found == "ndjson":
        return json_lines.scan(kind, path)
    if kind.name == "ticks":
        return binance.stream_scan(path)
    raise FileRejectedError(f"format {found} has no {kind.name}")


def _by_content(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4)
    if head == b"PAR1":
        return "parquet"
    line = text.first_line_of(path)
    if not line:
        raise FileRejectedError("the file is empty")
    if _LOCAL_CLOCK.match(line) or (line.startswith("{") and _BINANCE_EVENT.search(line)):
        return "binance"
    if line.startswith("{"):
        return "ndjson"
    if "\x00" in line or "\ufffd" in line:
        raise FileRejectedError(f"not in a known format ({', '.join(FORMATS)})")
    return "csv"
