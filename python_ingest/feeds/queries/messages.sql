-- Recorded messages and pages: the documents in lines, whatever they lie in. json_lines.py says what
-- stands for the names with a dollar, and what the columns are.
-- :messages(has_clock, clock, is_comment, asks_is_long, documents, is_usual, is_usual_around)
with

clocked as (

    select *, $has_clock as has_clock, $is_comment as is_comment
    from source_lines

),

texts as (

    select line_number, damage, line, has_clock, is_comment,
        ltrim(case when has_clock then substr(line, strpos(line, ' ') + 1) else line end) as text,
        case when has_clock then $clock end as clock
    from clocked

),

readable as (

    select *, starts_with(text, '[') as in_array, $asks_is_long as is_long,
        damage is null and not is_comment and not (has_clock and clock is null)
            and json_valid(text) as is_json
    from texts

),

exact as (

    select * replace (case when is_json then $marked(text, is_long) else text end as text)
    from readable

),

documents as (

    $documents

),

opened as (

    select *, starts_with(inside[1], '{') as in_data, starts_with(inside[2], '{') as in_event
    from (select *, json_extract(document, ['$.data', '$.event']) as inside from documents)

),

objects as (

    select line_number, damage, clock, row_key, nothing, is_long, in_data, in_event, document,
        coalesce(page, case when in_data or in_event then document end) as page,
        case when in_array and document is not null
            then $unmarked(document, is_long) else line end as raw_text,
        case
            when in_data then inside[1]::varchar
            when in_event then inside[2]::varchar
            when starts_with(document, '{') then document
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
        coalesce($has_nul(object), false) as has_nul,
        case
            when object is null then false
            when not $is_usual and $has_field_twice(fields) then true
            when fields_around is null or $is_usual_around then false
            else $has_field_twice(fields_around)
        end as twice,
        case
            when in_data and in_event then true
            when fields_around is null or $is_usual_around then false
            else list_has_any(fields_around, ['e', 'T'])
        end as several
    from named

)

select line_number, clock, page, row_key, nothing, is_long, raw_text,
    case when twice then 'a field appears twice' when several then 'more than one message in one'
        when has_nul then 'a NUL character' else damage end as damage,
    case when not twice and not several and not has_nul then object end as doc
from checked
