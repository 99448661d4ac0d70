"""Comma-separated values: a row is a line, so no quoted field can swallow the next one."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.lines import RELATION, Lines, Source, first_line, opened
from python_ingest.feeds.parquet import check_columns
from python_ingest.feeds.relation import Scan
from python_ingest.storage.sql import literal, quoted

_FIELD = r'(?:"(?:[^"]|"")*"|[^",][^,]*|)'
_WHOLE_LINE = literal(f"{_FIELD}(?:,{_FIELD})*")
_NEXT_FIELD = literal(f"(?:^|,)({_FIELD})")


def csv_scan(kind: Kind, source: Source) -> Scan:
    """Read a canonical CSV file with a header line.

    An empty field is NULL, the text NULL is a text. No field spans lines. Raises FileRejectedError
    for an unknown header or a cut last line.
    """
    header = _header(source)
    check_columns(kind, header)
    require_final_newline(source)
    lines = Lines(source, header=True, carriage_returns=False)
    extra = ("line_number", "complaint")
    return Scan("csv", fields(header), dict.fromkeys(header, "VARCHAR"), extra, lines=lines)


def fields(names: Sequence[str]) -> str:
    """Return SQL of the fields of each line as texts, with `complaint`, `raw_text`, `line_number`.

    A line without a quote is cut at its commas; others are taken apart by a pattern that matches
    the line as a whole or not at all.
    """
    last = len(names)
    values = [
        f"nullif({f'v[{at}]' if at < last else _without_end(f'v[{at}]')}, '') as {quoted(name)}"
        for at, name in enumerate(names, start=1)
    ]
    line = _without_end("line")
    unquoted = "replace(substr(x, 2, length(x) - 2), '\"\"', '\"')"
    return f"""
select {", ".join(values)}, raw_text, line_number,
    case
        when damage is not null then damage
        when v is null then 'a quote inside or around a field is not closed'
        when len(v) < {last} then 'fewer fields than the header'
        when len(v) > {last} then 'more fields than the header'
    end as complaint
from (
    select line as raw_text, line_number, damage,
        case
            when not contains(line, '"') then string_split(line, ',')
            when regexp_full_match({line}, {_WHOLE_LINE})
                then list_transform(
                    regexp_extract_all({line}, {_NEXT_FIELD}, 1),
                    lambda x: case when starts_with(x, '"') then {unquoted} else x end
                )
        end as v
    from {RELATION}
)"""


def require_final_newline(source: Source) -> None:
    """Raise FileRejectedError when a CSV file may be cut off inside its last line."""
    with opened(source) as file:
        file.seek(0, 2)
        if file.tell() == 0:
            raise FileRejectedError("the file is empty")
        file.seek(-1, 2)
        if file.read(1) != b"\n":
            raise FileRejectedError(
                "its last line does not end with a newline, so it may be cut off;"
                " fetch it again (or end the line, if it is whole)"
            )


def _without_end(text: str) -> str:
    return f"rtrim({text}, e'\\r\\n')"


def _header(source: Source) -> list[str]:
    line = first_line(source)
    if not line:
        raise FileRejectedError("the file is empty")
    try:
        return [name.strip() for name in next(csv.reader([line]))]
    except csv.Error as error:
        raise FileRejectedError(f"its header cannot be read: {error}") from None
