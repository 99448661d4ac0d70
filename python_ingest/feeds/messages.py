"""Recorded messages and pages: JSON documents, one or several per line, whatever they lie in."""

import json
from collections.abc import Sequence

from python_ingest.feeds.json_lines import Usual, is_usual
from python_ingest.feeds.lines import begins_with
from python_ingest.feeds.query import SQL
from python_ingest.storage.sql import literal


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
    `is_long` are marked, as `queries/json.sql` says.
    """
    fields, around = usual
    before = "substr(line, 1, strpos(line, ' ') - 1)"
    in_ns = f"try_cast({before} as bigint)"
    return SQL.messages(
        has_clock="line[1] between '0' and '9'" if clock else "false",
        clock=SQL.nanoseconds_of(f"rtrim({before}, ':')") if clock == "s" else in_ns,
        is_comment=begins_with(comment),
        asks_is_long=SQL.has_long_number("text") if numbers else "false",
        marked_text=SQL.marked("text", "is_long"),
        documents=_rows(rows) if rows else SQL.lists(),
        unmarked_document=SQL.unmarked("document", "is_long"),
        object_has_nul=SQL.has_nul("object"),
        is_usual=is_usual("fields", fields),
        is_usual_around=is_usual("fields_around", around),
        fields_twice=SQL.has_field_twice("fields"),
        fields_around_twice=SQL.has_field_twice("fields_around"),
    )


def _rows(field: str) -> str:
    """The step that opens pages: `field` holds a list of rows, or an object of such lists.

    A dot leads into an object. What has no such field is a row itself. Each row has its page beside
    it, without the rows: a page of 10,000 is read anew for each.
    """
    name = "$." + ".".join(f'"{part}"' for part in field.split("."))
    before, _, last = field.rpartition(".")
    without = json.dumps({before: {last: None}} if before else {last: None})
    return SQL.pages(
        at=literal(name),
        each=literal(f"{name}[*]"),
        lists=literal(f"{name}.*"),
        without=literal(without),
    )
