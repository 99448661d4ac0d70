-- Canonical NDJSON: an object a line, each with what is wrong with it.
-- :objects(values, is_loose, may_be_no_text, not_a_text, no_list, is_usual, unknown, unmarked_v,
--  asks_is_long)
select $values, line as raw_text, line_number,
    case
        when v is null then coalesce(damage, 'not a JSON object')
        $is_loose
        when regexp_matches(line, $may_be_no_text) and $not_a_text is not null
            then $not_a_text || ': not a text'
        $no_list
        when $has_nul(line) then 'a NUL character'
        when $is_usual then null
        when len($unknown) > 0 then 'unknown field ' || $unknown[1]
        when $has_field_twice(fields) then 'a field appears twice'
    end as complaint
from (
    select line, line_number, damage, is_long, doc, json_keys(doc) as fields,
        $unmarked_v as v
    from (
        select line, line_number, damage, is_long,
            case when is_object then $marked(line, is_long) end as doc
        from (
            select *, $asks_is_long as is_long,
                case when damage is null then $is_object(line) else false end as is_object
            from source_lines
        )
    )
)
