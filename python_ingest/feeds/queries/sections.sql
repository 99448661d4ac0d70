-- The fields of lines that stand below several headers.
-- :sections(header, between, is_name, records_of_lines)
select v, names, raw_text, line_number, nothing,
    case
        when nothing is not null then null
        when damage is not null then damage
        when names is null then 'no header stands before it'
        when len(v) < len(names) then 'fewer fields than the header'
        when len(v) > len(names) then 'more fields than the header'
    end as damage
from (
    select *, case when is_header then $header when begins_between
        and (names is null or len(v) < len(names)) then 'between sections' end as nothing
    from (
        select *, last_value(case when is_header then list_transform(v, lambda x: lower(trim(x))) end ignore nulls)
            over (order by line_number) as names
        from (
            select *, list_contains([$between]::varchar[], v[1]) as begins_between,
                damage is null and len(v) > 1 and not begins_between
                and len(list_filter(v, lambda x: not regexp_full_match(x, $is_name))) = 0 as is_header
            from (
                select line_number, raw_text, damage,
                    list_transform(v, lambda x: rtrim(x, e'\r\n')) as v
                from ($records_of_lines)
            )
        )
    )
)
