"""Lines of text: canonical CSV, and the lines that NDJSON formats are read from."""

from __future__ import annotations

import csv
from pathlib import Path

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.parquet import check_columns
from python_ingest.feeds.relation import Scan
from python_ingest.storage.sql import literal, quoted, sql_path

_MAX_LINE = 2_000_000


def csv_scan(kind: Kind, path: Path) -> Scan:
    """Read a canonical CSV file with a header line.

    An empty field is NULL, the text NULL is a text. `raw_text` is the row's fields joined by
    commas. Raises FileRejectedError for an unknown header or a cut last line.
    """
    header = _header(path)
    check_columns(kind, header)
    require_final_newline(path)
    reader = csv_reader(path, dict.fromkeys(header, "VARCHAR"), header=True)
    fields = ", ".join(f"coalesce({quoted(name)}, '')" for name in header)
    sql = f"select *, concat_ws(',', {fields}) as raw_text from {reader}"
    return Scan("csv", sql, dict.fromkeys(header, "VARCHAR"), malformed_lines=True, header_lines=1)


def csv_reader(path: Path, columns: dict[str, str], *, header: bool) -> str:
    """Return a reader that keeps texts as they are and sets malformed lines aside."""
    names = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items())
    return (
        f"read_csv({sql_path(path)}, columns = {{{names}}}, header = {str(header).lower()},"
        " auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '',"
        f" max_line_size = {_MAX_LINE}, store_rejects = true)"
    )


def lines(path: Path) -> str:
    """Return a reader of whole lines as column `line`.

    Control character 1 cannot be part of JSON, so no line is split.
    """
    return (
        f"read_csv({sql_path(path)}, columns = {{'line': 'VARCHAR'}}, header = false,"
        " auto_detect = false, delim = '\x01', quote = '', escape = '', strict_mode = false,"
        f" max_line_size = {_MAX_LINE}, store_rejects = true)"
    )


def first_line_of(path: Path) -> str:
    """Return the first line that is not blank, without its newline."""
    with path.open("rb") as file:
        for _ in range(1000):
            line = file.readline(_MAX_LINE)
            if not line:
                return ""
            if line.strip():
                return line.decode("utf-8", errors="replace").strip().removeprefix("\ufeff")
    return ""


def require_final_newline(path: Path) -> None:
    """Raise FileRejectedError when a CSV file may be cut off inside its last line."""
    with path.open("rb") as file:
        file.seek(0, 2)
        if file.tell() == 0:
            raise FileRejectedError("the file is empty")
        file.seek(-1, 2)
        if file.read(1) not in (b"\n", b"\r"):
            raise FileRejectedError(
                "its last line does not end with a newline, so it may be cut off;"
                " fetch it again (or end the line, if it is whole)"
            )


def _header(path: Path) -> list[str]:
    line = first_line_of(path)
    if not line:
        raise FileRejectedError("the file is empty")
    return [name.strip() for name in next(csv.reader([line]))]
