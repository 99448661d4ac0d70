"""Canonical NDJSON: one object per line."""

from __future__ import annotations

import orjson

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.kinds import DECIMALS, Kind
from python_ingest.feeds.lines import RELATION, Lines, Source, first_line
from python_ingest.feeds.parquet import check_columns
from python_ingest.feeds.relation import Scan
from python_ingest.storage.sql import literal

# A double holds 15 digits for sure; in a line with a longer number, numbers are read from the text.
_LONG_NUMBER = "'[0-9.]{17}'"
_NUMBER = r"(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"


def scan(kind: Kind, source: Source) -> Scan:
    """Read canonical NDJSON. Raises FileRejectedError when the first object is of another kind."""
    try:
        first = orjson.loads(first_line(source))
    except orjson.JSONDecodeError:
        first = None
    if not isinstance(first, dict):
        raise FileRejectedError("its first line is not a JSON object")
    known = set(kind.column_names)
    if not known & set(first) or set(first) - known:
        check_columns(kind, list(first))
    paths = ", ".join(literal(f'$."{name}"') for name in kind.column_names)
    values = ", ".join(
        f"{exact_number('line', f'v[{i}]', c.name) if c.type in DECIMALS else f'v[{i}]'}"
        f' as "{c.name}"'
        for i, c in enumerate(kind.columns, start=1)
    )
    names = ", ".join(literal(name) for name in kind.column_names)
    sql = f"""
select {values}, line as raw_text, line_number,
    case
        when v is null then coalesce(damage, 'not a JSON object')
        when len(unknown) > 0 then 'unknown field ' || unknown[1]
        when {has_field_twice("doc")} then 'a field appears twice'
    end as complaint
from (
    select line, line_number, damage, doc, json_extract_string(doc, [{paths}]) as v,
        {has_long_number("line")} as has_long_number,
        list_filter(json_keys(doc), lambda k: k not in ({names})) as unknown
    from (
        select *, case when damage is null then {object_or_null("line")} end as doc
        from {RELATION}
    )
)"""
    types = dict.fromkeys(kind.column_names, "VARCHAR")
    return Scan("ndjson", sql, types, ("line_number", "complaint"), lines=Lines(source))


def object_or_null(text: str) -> str:
    """Return SQL for a text that is a JSON object, else NULL."""
    return f"case when json_valid({text}) and json_type({text}) = 'OBJECT' then {text} end"


def has_field_twice(text: str) -> str:
    """Return SQL: does a JSON object name a field twice, as two lines with a cut between do?"""
    return f"list_unique(json_keys({text})) <> len(json_keys({text}))"


def has_long_number(text: str) -> str:
    """Return SQL: does the text hold a number that a double may not hold?"""
    return f"regexp_matches({text}, {_LONG_NUMBER})"


def exact_number(text: str, value: str, name: str) -> str:
    """Return SQL for a number with all the digits it was written with.

    The engine reads JSON numbers as doubles. Where `has_long_number`, the digits are taken from
    the text, if the number found there is the same one.
    """
    pattern = literal(f'"{name}"' + r"\s*:\s*" + _NUMBER)
    written = f"regexp_extract({text}, {pattern}, 1)"
    return (
        f"case when has_long_number and try_cast({written} as double) = try_cast({value} as double)"
        f" then {written} else {value} end"
    )
