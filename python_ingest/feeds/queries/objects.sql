-- Canonical NDJSON: an object a line, each with what is wrong with it.
-- :objects(values, is_loose, may_be_no_text, not_a_text, no_list, line_has_nul, is_usual, unknown,
--  fields_twice, unmarked_v, asks_is_long, marked_line, asks_is_object)
select $values, line as raw_text, line_number,
    case
        when v is null then coalesce(damage, 'not a JSON object')
        $is_loose
        when regexp_matches(line, $may_be_no_text) and $not_a_text is not null
            then $not_a_text || ': not a text'
        $no_list
        when $line_has_nul then 'a NUL character'
        when $is_usual then null
        when len($unknown) > 0 then 'unknown field ' || $unknown[1]
        when $fields_twice then 'a field appears twice'
    end as complaint
from (
    select line, line_number, damage, is_long, doc, json_keys(doc) as fields,
        $unmarked_v as v
    from (
        select line, line_number, damage, is_long,
            case when is_object then $marked_line end as doc
        from (
            select *, $asks_is_long as is_long,
                case when damage is null then $asks_is_object else false end as is_object
            from source_lines
        )
    )
)
