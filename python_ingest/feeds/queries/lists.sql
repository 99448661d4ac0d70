-- A line is a message, or a list of messages.
-- :lists()
select line_number, damage, line, clock, is_long, in_array,
    null as page, null as row_key,
    case
        when is_comment then 'comment'
        when is_json and regexp_full_match(text, '\s*\[\s*\]\s*') then 'empty page'
    end as nothing,
    unnest(case
        when not is_json then [null]
        when not in_array then [text]
        when json_array_length(text) > 0 then json_extract(text, '$[*]')::varchar[]
        else [null]
    end) as document
from exact
