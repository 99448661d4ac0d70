"""Separated values: a row is a line, so no quoted field can swallow the next one."""

import csv
import re
from collections.abc import Sequence

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.lines import Source, begins_with, first_line, opened
from python_ingest.feeds.query import SQL
from python_ingest.feeds.relation import HEADER
from python_ingest.storage.sql import literal

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""What mostly separates fields, and its name."""


def field(place: int, last: int) -> str:
    """Return SQL for a field of `record_fields` by its place, from 1; NULL where it is empty."""
    text = f"v[{place}]" if place != last else f"rtrim(v[{place}], e'\\r\\n')"
    return f"nullif({text}, '')"


def record_fields(
    count: int, delimiter: str = ",", *, more_fields: bool = False, comment: Sequence[str] = ()
) -> str:
    """Return SQL of the fields of each line as a list `v`, `damage`, `raw_text`, `line_number`.

    The last field may still have its line end. `comment`: lines that begin with one are `nothing`
    ('comment'), and have no damage.
    """
    return SQL.records(
        is_comment=begins_with(comment),
        fields=fields_of_line(delimiter),
        fewest=str(count),
        most="len(v)" if more_fields else str(count),
    )


def fields_of_line(delimiter: str) -> str:
    """Return SQL of the fields of `line`, NULL where its quotes are not closed."""
    return SQL.fields_of_line(literal(delimiter), literal(re.escape(delimiter))[1:-1])


def section_fields(delimiter: str, is_name: str, between: Sequence[str]) -> str:
    """Return SQL as `record_fields` does, of lines that stand below several headers.

    A line all of whose fields match `is_name` is a header; `names` are those above a line, in
    small letters. A line that begins with a word of `between` is no header, and with fewer fields
    than those it is `nothing`, as a header is. No field has a line end.
    """
    return SQL.sections(
        header=literal(HEADER),
        between=", ".join(map(literal, between)),
        is_name=literal(is_name),
        records_of_lines=record_fields(0, delimiter, more_fields=True),
    )


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


def header_of(source: Source, delimiter: str = ",", until: str | None = None) -> list[str]:
    """Return the names of a header line, each cut at `until`. Raises FileRejectedError."""
    line = first_line(source)
    if not line:
        raise FileRejectedError("the file is empty")
    try:
        return _names(line, delimiter, until)
    except csv.Error as error:
        raise FileRejectedError(f"its header cannot be read: {error}") from None


def names_in(line: str, delimiter: str = ",", until: str | None = None) -> list[str]:
    """Return the fields of a line, trimmed, as `header_of`; none where it is no separated text."""
    try:
        return _names(line, delimiter, until)
    except csv.Error:
        return []


def _names(line: str, delimiter: str, until: str | None) -> list[str]:
    names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    return [name.partition(until)[0] for name in names] if until else names
