"""Which format a file is in, by its content."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import duckdb

from python_ingest.errors import FileRejectedError
from python_ingest.feeds import alpaca, binance, json_lines, parquet, text
from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.lines import Source, first_line, opened
from python_ingest.feeds.relation import Scan

FORMATS = ("parquet", "csv", "ndjson", "binance", "binance-archive", "alpaca")

Reading = Callable[[Source], Scan]

_VENDORS: dict[tuple[str, str], Reading] = {
    ("binance", "ticks"): binance.stream_scan,
    ("binance", "orders"): binance.orders_scan,
    ("alpaca", "ticks"): alpaca.ticks_scan,
    ("alpaca", "corrections"): alpaca.corrections_scan,
    ("alpaca", "orders"): alpaca.orders_scan,
}
_PACKED = {
    b"\x1f\x8b": "packed twice (gzip within); unpack it once",
    b"PK\x03\x04": "packed twice (zip within); unpack it once",
    b"\x28\xb5\x2f\xfd": "packed by zstd; unpack it first: zstd -d",
    b"BZh": "packed by bzip2; unpack it first: bunzip2",
    b"\xfd7zXZ": "packed by xz; unpack it first: unxz",
    b"\x04\x22\x4d\x18": "packed by lz4; unpack it first: lz4 -d",
    b"7z\xbc\xaf": "packed by 7z; unpack it first: 7z x",
}
_UTF_16 = (rb"\xff\xfe", rb"\xfe\xff", rb"[^\x00]\x00[^\x00]\x00", rb"\x00[^\x00]\x00[^\x00]")
_LOCAL_CLOCK = re.compile(r"^\d{10,20} +(?=[{\[])")
_ALPACA = re.compile(r'"T"\s*:\s*"[a-z]+"|"stream"\s*:\s*"trade_updates"|"execution_id"\s*:')
_BINANCE = re.compile(r'"e"\s*:\s*"|^\{"stream"|"u"\s*:\s*\d+\s*,\s*"s"\s*:\s*"')


def scan_of(
    connection: duckdb.DuckDBPyConnection, kind: Kind, path: Path, found: str, *, names: list[str]
) -> Scan:
    """Return the file's reading in a format.

    `names`: what the file, and what it was packed in, were called. Raises FileRejectedError when
    the file is not in this format, or the format has no rows of this kind.
    """
    if found == "parquet":
        return parquet.scan(connection, kind, path)
    if found == "csv":
        return text.csv_scan(kind, path)
    if found == "ndjson":
        return json_lines.scan(kind, path)
    if found == "binance-archive" and kind.name == "ticks":
        return binance.archive_scan(path, names)
    if (found, kind.name) in _VENDORS:
        return _VENDORS[found, kind.name](path)
    raise FileRejectedError(f"format {found} has no {kind.name}")


def require_text(source: Source) -> None:
    """Raise FileRejectedError when an unpacked file begins as no text and no Parquet does."""
    with opened(source) as file:
        head = file.read(6)
    for beginning, what in _PACKED.items():
        if head.startswith(beginning):
            raise FileRejectedError(what)
    if any(re.match(pattern, head, re.DOTALL) for pattern in _UTF_16):
        raise FileRejectedError("is UTF-16; land it as UTF-8: iconv -f UTF-16 -t UTF-8")


def detect_format(source: Source) -> str:
    """Return the format that a file's beginning shows.

    Raises FileRejectedError when it is in none that we know.
    """
    with opened(source) as file:
        head = file.read(4)
    if head == b"PAR1":
        return "parquet"
    line = first_line(source)
    if not line:
        raise FileRejectedError("the file is empty")
    if "\r" in line and "\x00" not in line:
        raise FileRejectedError(
            "its lines end with a carriage return alone; end them with newlines and land it again"
        )
    return _of_text(line)


def _of_text(line: str) -> str:
    if line.startswith(("{", "[")) or _LOCAL_CLOCK.match(line):
        if _ALPACA.search(line) and not _BINANCE.search(line):
            return "alpaca"
        if '"trade_updates"' in line:
            return "alpaca"
        return "binance" if _LOCAL_CLOCK.match(line) or _BINANCE.search(line) else "ndjson"
    if "\x00" in line or "\ufffd" in line:
        raise FileRejectedError(f"not in a known format ({', '.join(FORMATS)})")
    return "binance-archive" if binance.archive_kind(line) else "csv"
