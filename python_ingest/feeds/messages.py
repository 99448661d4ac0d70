"""Recorded stream messages: one JSON document per line, whatever it is wrapped in."""

from __future__ import annotations

from python_ingest.feeds.json_lines import has_field_twice, is_usual, usual_fields
from python_ingest.feeds.lines import RELATION, Source


def messages(source: Source) -> str:
    """Return SQL of `raw_text`, the local `clock` in nanoseconds and the message as `doc`.

    A line is a message, an array of messages, or an envelope with the message in `data` or
    `event`; it may begin with a local clock. `doc` is NULL where there is no JSON object, and
    `damage` may say why. The raw text of a message in an array is the message, not the whole line;
    a line that is no JSON stays whole.
    """
    usual, around = usual_fields(source)
    return f"""
with

clocked as (

    select *, line[1] between '0' and '9' as has_clock
    from {RELATION}

),

texts as (

    select line_number, damage, line, has_clock,
        ltrim(case when has_clock then substr(line, strpos(line, ' ') + 1) else line end) as text,
        case when has_clock
            then try_cast(substr(line, 1, strpos(line, ' ') - 1) as bigint) end as clock
    from clocked

),

documents as (

    select line_number, damage, line, clock, starts_with(text, '[') as in_array,
        unnest(case
            when damage is not null or has_clock and clock is null then [null]
            when not json_valid(text) then [null]
            when not in_array then [text]
            when json_array_length(text) > 0 then json_extract(text, '$[*]')::varchar[]
            else [null]
        end) as document
    from texts

),

opened as (

    select *, starts_with(inside[1], '{{') as in_data, starts_with(inside[2], '{{') as in_event
    from (select *, json_extract(document, ['$.data', '$.event']) as inside from documents)

),

objects as (

    select line_number, damage, clock, document, in_data, in_event,
        case when in_array and document is not null then document else line end as raw_text,
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
        case
            when object is null then false
            when not {is_usual("fields", usual)} and {has_field_twice("fields")} then true
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

select line_number, clock, raw_text,
    case when twice then 'a field appears twice' when several then 'more than one message in one'
        else damage end as damage,
    case when not twice and not several then object end as doc
from checked"""


def extracted(source: Source, paths: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Return SQL of the messages with list `v` of the values at `paths`, and SQL per path."""
    wanted = ", ".join(f"'$.{name}'" for name in paths)
    at = {name: f"v[{i}]" for i, name in enumerate(paths, start=1)}
    return f"select *, json_extract_string(doc, [{wanted}]) as v from ({messages(source)})", at


NOT_UNIX_TIME = "not a Unix time in milliseconds or microseconds"


def unix_time(value: str) -> str:
    """Return SQL for a Unix time in milliseconds (13 digits) or microseconds (16), else NULL.

    Seconds have 10 digits and nanoseconds 19 from 2001 to 2286.
    """
    number = f"try_cast({value} as bigint)"
    return (
        f"case when length({value}) = 13 and {number} >= 1000000000000"
        f" then make_timestamp({number} * 1000)"
        f" when length({value}) = 16 and {number} >= 1000000000000000"
        f" then make_timestamp({number}) end"
    )
