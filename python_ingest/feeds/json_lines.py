"""JSON in lines: canonical NDJSON, an object a line; and messages, whatever they lie in."""

import json
import re
from collections.abc import Sequence
from typing import Any

import orjson

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.lines import MAX_LINE, Lines, Source, begins_with, first_line, opened
from python_ingest.feeds.parquet import check_columns
from python_ingest.feeds.query import SQL
from python_ingest.feeds.relation import Scan
from python_ingest.storage.sql import literal

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
        name = kind.column_names[0]
        extra = ("line_number", "complaint", "ignored")
        lines = Lines(source)
        return Scan("ndjson", SQL.empty_page(name), {name: "VARCHAR"}, extra, lines=lines)
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
    paths = ", ".join(map(_path, kind.column_names))
    texts_of = {name: f"v[{i}]" for i, name in enumerate(kind.column_names, start=1)}
    documents = [c.name for c in kind.columns if c.type == "JSON"]
    texts_of |= {name: SQL.json_field(texts_of[name], _path(name)) for name in documents}
    values = ", ".join(f'{value} as "{name}"' for name, value in texts_of.items())
    names = ", ".join(literal(name) for name in kind.column_names)
    texts = [c.name for c in kind.columns if c.type == "VARCHAR"]
    no_list = "".join(
        f"when {SQL.is_no_list(f'v[{place}]', _path(name))}"
        f" then {literal(name + ': not a list of texts')} "
        for place, name in enumerate(kind.column_names, start=1)
        if kind.column(name).type == "VARCHAR[]"
    )
    is_loose = f"when {SQL.has_loose_part('line')} then 'not JSON'" if documents else ""
    sql = SQL.objects(
        values=values,
        is_loose=is_loose,
        may_be_no_text=_no_text(texts),
        not_a_text=SQL.not_a_text(", ".join(map(literal, texts)), ", ".join(map(_path, texts))),
        no_list=no_list,
        is_usual=is_usual("fields", usual),
        unknown=f"list_filter(fields, lambda k: k not in ({names}))",
        unmarked_v=SQL.unmarked_list(f"json_extract_string(doc, [{paths}])", "is_long"),
        asks_is_long=_is_long(documents),
    )
    types = dict.fromkeys(kind.column_names, "VARCHAR")
    return Scan("ndjson", sql, types, ("line_number", "complaint"), lines=Lines(source))


def messages(
    usual: Usual,
    clock: str | None = None,
    rows: str | None = None,
    comment: Sequence[str] = (),
) -> str:
    """Return SQL of `raw_text`, the local `clock` in nanoseconds and the message as `doc`.

    A line is a message, an array of messages, or an envelope with the message in `data` or
    `event`; it may begin with a local clock, in the unit `clock`. With `rows` it is a page that
    holds a list of messages, or a list per `row_key`, in that field. `page` is the page or the
    envelope. `doc` is NULL where there is no JSON object, and `damage` may say why. `nothing` names
    a line that is no message by itself: one that begins with a `comment`, or a page or
    list without rows.
    The raw text of a message in an array is the message, not the whole line; a line that is no JSON
    stays whole.
    `usual`: what `usual_fields` found in the text. The numbers of a `doc` that is `is_long` are
    marked, as `queries/json.sql` says.
    """
    fields, around = usual
    before = "substr(line, 1, strpos(line, ' ') - 1)"
    in_ns = f"try_cast({before} as bigint)"
    return SQL.messages(
        has_clock="line[1] between '0' and '9'" if clock else "false",
        clock=SQL.nanoseconds_of(f"rtrim({before}, ':')") if clock == "s" else in_ns,
        is_comment=begins_with(comment),
        asks_is_long=SQL.has_long_number("text"),
        documents=_rows(rows) if rows else SQL.lists(),
        is_usual=is_usual("fields", fields),
        is_usual_around=is_usual("fields_around", around),
    )


def _rows(field: str) -> str:
    """The step that opens pages: `field` holds a list of rows, or an object of such lists.

    A dot leads into an object. What has no such field is a row itself. Each row has its page beside
    it, without the rows: a page of 10,000 is read anew for each.
    """
    name = path_of(field)
    before, _, last = field.rpartition(".")
    without = json.dumps({before: {last: None}} if before else {last: None})
    return SQL.pages(
        at=literal(name),
        each=literal(f"{name}[*]"),
        lists=literal(f"{name}.*"),
        without=literal(without),
    )


def is_usual(fields: str, usual: Sequence[tuple[str, ...]]) -> str:
    """Return SQL: is a list of fields one of those that are known to be right?"""
    lists = ", ".join(f"[{', '.join(map(literal, names))}]" for names in usual)
    return f"{fields} in ({lists})" if lists else "false"


def path_of(name: str) -> str:
    """Return the path of a field of a document; a dot leads into an object, as in `order.id`."""
    return name if name.startswith("$") else "$." + ".".join(f'"{p}"' for p in name.split("."))


def _path(name: str) -> str:
    return literal(path_of(name))


def _is_long(documents: Sequence[str]) -> str:
    """SQL: do a line's numbers have to be marked? Those of JSON columns keep all their digits."""
    named = " or ".join(f"contains(line, {literal(name)})" for name in documents)
    is_long = SQL.has_long_number("line")
    if not named:
        return is_long
    return (
        f"({is_long} or (({named} or contains(line, '\\u')) and {SQL.has_rendered_number('line')}))"
    )


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
