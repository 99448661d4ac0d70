"""Canonical NDJSON: one object per line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.exact_json import (
    A_NUL,
    has_long_number,
    has_loose_part,
    has_nul,
    has_rendered_number,
    is_json,
    is_marked,
    is_marked_fraction,
    marked,
    unmarked,
    unmarked_list,
)
from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.lines import MAX_LINE, RELATION, Lines, Source, first_line, opened
from python_ingest.feeds.parquet import check_columns
from python_ingest.feeds.query import query
from python_ingest.feeds.relation import Scan
from python_ingest.storage.sql import literal

_NESTED = "('ARRAY', 'OBJECT', 'BOOLEAN', 'DOUBLE')"
_CLOCK = re.compile(rb"^[\d.]+:? +")
Usual = tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]
"""Lists of fields: of objects, and of the envelopes around them."""
_LOOKED_AT, _USUAL = 100_000, 6  # bytes, and lists of fields


def scan(kind: Kind, source: Source, exchange: str | None = None) -> Scan:
    """Read canonical NDJSON. Raises FileRejectedError when the first object is of another kind.

    `exchange` stands for a field that may be missing; then it is taken for NULL here.
    """
    line = first_line(source)
    try:
        first = orjson.loads(line)
    except orjson.JSONDecodeError:
        first = None
    if first == []:
        return _empty_page(kind, source)
    if not isinstance(first, dict):
        how = {
            "[": " (write one object a line: jq -c '.[]')",
            "{": " (write one object a line: jq -c .)",
        }
        what = "its first line is not a JSON object"
        if isinstance(first, list):
            what = "it is a list on one line, which only feeds of messages are read from"
        raise FileRejectedError(f"{what}{how.get(line[:1], '')}")
    known = set(kind.column_names)
    if not known & set(first) or set(first) - known:
        check_columns(kind, list(first), exchange)
    usual = [names for names in usual_fields(source)[0] if set(names) <= known]
    paths = ", ".join(literal(f'$."{name}"') for name in kind.column_names)
    texts_of = {name: f"v[{i}]" for i, name in enumerate(kind.column_names, start=1)}
    documents = [c.name for c in kind.columns if c.type == "JSON"]
    texts_of |= {name: _written(name, texts_of[name]) for name in documents}
    values = ", ".join(f'{value} as "{name}"' for name, value in texts_of.items())
    names = ", ".join(literal(name) for name in kind.column_names)
    texts = [c.name for c in kind.columns if c.type == "VARCHAR"]
    no_list = "".join(
        f"when {_is_no_list(name, f'v[{place}]')} then {literal(name + ': not a list of texts')} "
        for place, name in enumerate(kind.column_names, start=1)
        if kind.column(name).type == "VARCHAR[]"
    )
    is_loose = f"when {has_loose_part('line')} then 'not JSON'" if documents else ""
    sql = query(
        "objects",
        lines=RELATION,
        values=values,
        is_loose=is_loose,
        may_be_no_text=_no_text(texts),
        not_a_text=not_a_text(texts),
        no_list=no_list,
        has_nul=has_nul("line"),
        a_nul=literal(A_NUL),
        is_usual=is_usual("fields", usual),
        unknown=f"list_filter(fields, lambda k: k not in ({names}))",
        has_field_twice=has_field_twice("fields"),
        unmarked=unmarked_list(f"json_extract_string(doc, [{paths}])", "is_long"),
        marked=marked("line", "is_long"),
        is_long=_is_long(documents),
        is_object=is_object("line"),
    )
    types = dict.fromkeys(kind.column_names, "VARCHAR")
    return Scan("ndjson", sql, types, ("line_number", "complaint"), lines=Lines(source))


def _empty_page(kind: Kind, source: Source) -> Scan:
    """Read a file that begins with a list without rows: it is a page, and has nothing else."""
    name = kind.column_names[0]
    sql = f"""
select null::varchar as {name}, line as raw_text, line_number,
    case when not is_empty then coalesce(damage, 'more than a list without rows') end as complaint,
    case when is_empty then 'empty page' end as ignored
from (
    select *, damage is null and regexp_full_match(line, '\\s*\\[\\s*\\]\\s*') as is_empty
    from {RELATION}
)"""
    extra = ("line_number", "complaint", "ignored")
    return Scan("ndjson", sql, {name: "VARCHAR"}, extra, lines=Lines(source))


def is_object(text: str) -> str:
    """Return SQL: is a text a JSON object? Never NULL."""
    return f"case when json_valid({text}) then json_type({text}) = 'OBJECT' else false end"


def has_field_twice(fields: str) -> str:
    """Return SQL: does a list of an object's fields name one twice?

    Two lines with a cut between them look like that.
    """
    return f"list_unique({fields}) <> len({fields})"


def is_usual(fields: str, usual: Sequence[tuple[str, ...]]) -> str:
    """Return SQL: is a list of fields one of those that are known to be right?"""
    lists = ", ".join(f"[{', '.join(map(literal, names))}]" for names in usual)
    return f"{fields} in ({lists})" if lists else "false"


def not_a_text(names: Sequence[str]) -> str:
    """Return SQL for the first of some fields that is there and is no text, or NULL.

    A whole number stands for its digits; one with a point or an exponent is no text.
    """
    paths = ", ".join(literal(f'$."{name}"') for name in names)
    types = f"json_type(doc, [{paths}])"
    written = f"json_extract_string(doc, [{paths}])"
    wrong = (
        f"list_transform(list_zip({types}, {written}),"
        f" lambda x: x[1] in {_NESTED} or {is_marked_fraction('x[2]')})"
    )
    return f"[{', '.join(map(literal, names))}][list_position({wrong}, true)]"


def _written(name: str, value: str) -> str:
    """SQL of a JSON field, whose text is `value`: a text stays one, unless it is a document.

    One that says nothing says nothing here too.
    """
    path = literal(f'$."{name}"')
    json = unmarked(f"json_extract(doc, {path})::varchar", "is_long")
    is_document = f"regexp_matches({value}, '^\\s*[\\[{{]') and {is_json(value)}"
    is_nothing = f"regexp_full_match({value}, '\\s*(null)?\\s*')"
    return f"case when {is_nothing} or {is_document} then {value} else {json} end"


def _is_no_list(name: str, value: str) -> str:
    """SQL: is a field, whose text is `value`, neither a list nor a text, as in CSV?"""
    path = literal(f'$."{name}"')
    is_other = f"json_type(doc, {path}) not in ('ARRAY', 'VARCHAR', 'NULL')"
    is_number = is_marked(f"json_extract_string(doc, {path})")
    # nearly all are lists
    return f"not starts_with({value}, '[') and ({is_other} or {is_number})"


def _is_long(documents: Sequence[str]) -> str:
    """SQL: do a line's numbers have to be marked? Those of JSON columns keep all their digits."""
    named = " or ".join(f"contains(line, {literal(name)})" for name in documents)
    is_long = has_long_number("line")
    if not named:
        return is_long
    return f"({is_long} or (({named} or contains(line, '\\u')) and {has_rendered_number('line')}))"


def _no_text(names: Sequence[str]) -> str:
    """A pattern for lines in which some value may be a list, an object, a truth or a fraction."""
    fields = "|".join(names)
    return literal(rf':\s*[\[{{tf]|"(?:{fields})"\s*:\s*-?[0-9]+[.eE]')


def usual_fields(source: Source, rows: str | None = None) -> Usual:
    """Return the fields of the objects in a text's first lines, each list of them once.

    And those of the envelopes around them, which hold one message in `data` or `event` and are
    none themselves. Nearly all objects have one of these lists, which costs less to see than what
    is wrong with others. Python's reader never gives a field twice.
    """
    found: dict[tuple[str, ...], None] = {}
    around: dict[tuple[str, ...], None] = {}
    for envelope, document in first_documents(source, rows):
        found[tuple(document)] = None
        if envelope is not None and not {"e", "T"} & set(envelope):
            around[tuple(envelope)] = None
    return tuple(names for names in found if names)[:_USUAL], tuple(around)[:_USUAL]


def first_documents(
    source: Source, rows: str | None = None
) -> list[tuple[dict[str, Any] | None, dict[str, Any]]]:
    """Return the objects in a text's first lines, each with the envelope that it lies in, if any.

    `rows`: the field of a page that holds them in a list, or in an object of lists; a dot leads
    into an object.
    """
    found: list[tuple[dict[str, Any] | None, dict[str, Any]]] = []
    for line in first_lines(source, rows).split(b"\n")[:1000]:
        try:
            value = orjson.loads(_CLOCK.sub(b"", line))
        except orjson.JSONDecodeError:
            continue
        if rows is not None:
            value = _inside(value, rows)
            if isinstance(value, dict):
                value = [row for listed in value.values() for row in listed or []]
        for document in value if isinstance(value, list) else [value]:
            if not isinstance(document, dict):
                continue
            opened_ = [v for n in ("data", "event") if isinstance(v := document.get(n), dict)]
            envelope = document if len(opened_) == 1 else None
            found.append((envelope, opened_[0] if opened_ else document))
    return found


def first_lines(source: Source, rows: str | None = None) -> bytes:
    """Return the beginning of a text; the last line of it may be cut off."""
    with opened(source) as file:
        text = file.read(MAX_LINE if rows else _LOOKED_AT)
        # a list of messages may stand in one long line
        return text if b"\n" in text else text + file.readline(MAX_LINE)


def _inside(document: Any, path: str) -> Any:
    """Return a field of a document, a dot leads into an object; None where it is not there."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document
