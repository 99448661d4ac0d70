"""Recorded messages and pages: JSON documents, one or several per line, whatever they lie in."""

from __future__ import annotations

import json
from collections.abc import Sequence

from python_ingest.feeds.exact_json import A_NUL, has_long_number, has_nul, marked, unmarked
from python_ingest.feeds.json_lines import Usual, has_field_twice, is_usual
from python_ingest.feeds.lines import RELATION, begins_with
from python_ingest.storage.sql import literal

# A local clock before the JSON, in nanoseconds.
_CLOCKS = {
    "ns": "try_cast({text} as bigint)",
    "s": "(try_cast(rtrim({text}, ':') as decimal(28, 9)) * 1000000000)::bigint",
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
    has_clock = "line[1] between '0' and '9'" if clock else "false"
    before = _CLOCKS[clock or "ns"].format(text="substr(line, 1, strpos(line, ' ') - 1)")
    is_long = has_long_number("text") if numbers else "false"
    is_comment = begins_with(comment)
    listed = _rows(rows) if rows else _ARRAY
    return f"""
with

clocked as (

    select *, {has_clock} as has_clock, {is_comment} as is_comment
    from {RELATION}

),

texts as (

    select line_number, damage, line, has_clock, is_comment,
        ltrim(case when has_clock then substr(line, strpos(line, ' ') + 1) else line end) as text,
        case when has_clock then {before} end as clock
    from clocked

),

readable as (

    select *, starts_with(text, '[') as in_array, {is_long} as is_long,
        damage is null and not is_comment and not (has_clock and clock is null)
            and json_valid(text) as is_json
    from texts

),

exact as (

    select * replace (case when is_json then {marked("text", "is_long")} else text end as text)
    from readable

),

documents as (

    {listed}

),

opened as (

    select *, starts_with(inside[1], '{{') as in_data, starts_with(inside[2], '{{') as in_event
    from (select *, json_extract(document, ['$.data', '$.event']) as inside from documents)

),

objects as (

    select line_number, damage, clock, row_key, nothing, is_long, in_data, in_event, document,
        coalesce(page, case when in_data or in_event then document end) as page,
        case when in_array and document is not null
            then {unmarked("document", "is_long")} else line end as raw_text,
        case
            when in_data then inside[1]::varchar
            when in_event then inside[2]::varchar
            when starts_with(document, '{{') then document
        end as object
    from opened

),

named as (

    select *, json_keys(object) as fields,
        case when in_data or in_event then json_keys(document) end as fields_around
    from objects

),

checked as (

    select *,
        coalesce({has_nul("object")}, false) as has_nul,
        case
            when object is null then false
            when not {is_usual("fields", fields)} and {has_field_twice("fields")} then true
            when fields_around is null or {is_usual("fields_around", around)} then false
            else {has_field_twice("fields_around")}
        end as twice,
        case
            when in_data and in_event then true
            when fields_around is null or {is_usual("fields_around", around)} then false
            else list_has_any(fields_around, ['e', 'T'])
        end as several
    from named

)

select line_number, clock, page, row_key, nothing, is_long, raw_text,
    case when twice then 'a field appears twice' when several then 'more than one message in one'
        when has_nul then {literal(A_NUL)} else damage end as damage,
    case when not twice and not several and not has_nul then object end as doc
from checked"""


_ARRAY = """select line_number, damage, line, clock, is_long, in_array,
        null as page, null as row_key,
        case
            when is_comment then 'comment'
            when is_json and regexp_full_match(text, '\\s*\\[\\s*\\]\\s*') then 'empty page'
        end as nothing,
        unnest(case
            when not is_json then [null]
            when not in_array then [text]
            when json_array_length(text) > 0 then json_extract(text, '$[*]')::varchar[]
            else [null]
        end) as document
    from exact"""


def _rows(field: str) -> str:
    """The step that opens pages: `field` holds a list of rows, or an object of such lists.

    A dot leads into an object. What has no such field is a row itself. Each row has its page beside
    it, without the rows: a page of 10,000 is read anew for each.
    """
    name = "$." + ".".join(f'"{part}"' for part in field.split("."))
    at = literal(name)
    row = "struct_pack(row_key := {key}, document := d::varchar)"
    row_of_page = "struct_pack(row_key := null::varchar, document := text::varchar)"
    before, _, last = field.rpartition(".")
    without = json.dumps({before: {last: None}} if before else {last: None})
    return f"""select line_number, damage, line, clock, is_long, is_json as in_array, page,
        case
            when is_comment then 'comment'
            when is_json and len(found) = 0 then 'empty page'
        end as nothing,
        row.row_key, row.document
    from (
        select *,
            unnest(case
                when len(found) > 0 then found
                when found is null and is_json then [{row_of_page}]
                else [null]
            end) as row
        from (
            select *, case when len(found) > 0
                then json_merge_patch(json, {literal(without)})::varchar else json end as page
            from (
                select *,
                    case
                        when json_type(json, {at}) = 'ARRAY' then list_transform(
                            json_extract(json, {literal(name + "[*]")}),
                            lambda d: {row.format(key="null::varchar")}
                        )
                        when json_type(json, {at}) = 'OBJECT' then flatten(list_transform(
                            list_zip(
                                json_keys(json, {at}), json_extract(json, {literal(name + ".*")})
                            ),
                            lambda one: list_transform(
                                json_extract(one[2], '$[*]'), lambda d: {row.format(key="one[1]")}
                            )
                        ))
                        when json_type(json, {at}) = 'NULL' then []
                    end as found
                from (select *, case when is_json then text end as json from exact)
            )
        )
    )"""
