-- The fields of lines, each with what is wrong with it.
-- :records(is_comment, fields, fewest, most)
select v, raw_text, line_number, case when is_comment then 'comment' end as nothing,
    case
        when is_comment then null
        when damage is not null then damage
        when v is null then 'a quote inside or around a field is not closed'
        when len(v) < $fewest then 'fewer fields than the header'
        when len(v) > $most then 'more fields than the header'
    end as damage
from (
    select line as raw_text, line_number, damage, $is_comment as is_comment, $fields as v
    from source_lines
)
