"""Recorded messages and pages: JSON documents, one or several per line, whatever they lie in."""

from __future__ import annotations

import json
from collections.abc import Sequence

from python_ingest.feeds.exact_json import A_NUL, has_long_number, has_nul, marked, unmarked
from python_ingest.feeds.json_lines import Usual, has_field_twice, is_usual
from python_ingest.feeds.lines import RELATION, begins_with
from python_ingest.feeds.query import query
from python_ingest.feeds.values import nanoseconds_of
from python_ingest.storage.sql import literal

_BEFORE = "substr(line, 1, strpos(line, ' ') - 1)"
# A local clock before the JSON, in nanoseconds.
_CLOCKS = {
    "ns": f"try_cast({_BEFORE} as bigint)",
    "s": nanoseconds_of(f"rtrim({_BEFORE}, ':')"),
}


def messages(
    usual: Usual,
    clock: str | None = None,
    rows: str | None = None,
    comment: Sequence[str] = (),
    *,
    numbers: bool = True,
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
    `usual`: what `usual_fields` found in the text. With `numbers` those of a `doc` that is
    `is_long` are marked, as `exact_json` says.
    """
    fields, around = usual
    return query(
        "messages",
        lines=RELATION,
        has_clock="line[1] between '0' and '9'" if clock else "false",
        clock=_CLOCKS[clock or "ns"],
        is_comment=begins_with(comment),
        is_long=has_long_number("text") if numbers else "false",
        marked=marked("text", "is_long"),
        documents=_rows(rows) if rows else query("lists"),
        unmarked=unmarked("document", "is_long"),
        has_nul=has_nul("object"),
        is_usual=is_usual("fields", fields),
        is_usual_around=is_usual("fields_around", around),
        has_field_twice=has_field_twice("fields"),
        has_field_twice_around=has_field_twice("fields_around"),
        a_nul=literal(A_NUL),
    )


def _rows(field: str) -> str:
    """The step that opens pages: `field` holds a list of rows, or an object of such lists.

    A dot leads into an object. What has no such field is a row itself. Each row has its page beside
    it, without the rows: a page of 10,000 is read anew for each.
    """
    name = "$." + ".".join(f'"{part}"' for part in field.split("."))
    before, _, last = field.rpartition(".")
    without = json.dumps({before: {last: None}} if before else {last: None})
    return query(
        "pages",
        at=literal(name),
        each=literal(f"{name}[*]"),
        lists=literal(f"{name}.*"),
        without=literal(without),
    )
