-- A line is a page that holds messages in a list, or in an object of lists; or a message.
-- :pages(at, each, lists, without)
select line_number, damage, line, clock, is_long, is_json as in_array, page,
    case
        when is_comment then 'comment'
        when is_json and len(found) = 0 then 'empty page'
    end as nothing,
    row.row_key, row.document
from (
    select *,
        unnest(case
            when len(found) > 0 then found
            when found is null and is_json then [{row_key: null::varchar, document: text::varchar}]
            else [null]
        end) as row
    from (
        select *, case when len(found) > 0
            then json_merge_patch(json, $without)::varchar else json end as page
        from (
            select *,
                case
                    when json_type(json, $at) = 'ARRAY' then list_transform(
                        json_extract(json, $each),
                        lambda d: {row_key: null::varchar, document: d::varchar}
                    )
                    when json_type(json, $at) = 'OBJECT' then flatten(list_transform(
                        list_zip(
                            json_keys(json, $at), json_extract(json, $lists)
                        ),
                        lambda one: list_transform(
                            json_extract(one[2], '$[*]'), lambda d: {row_key: one[1], document: d::varchar}
                        )
                    ))
                    when json_type(json, $at) = 'NULL' then []
                end as found
            from (select *, case when is_json then text end as json from exact)
        )
    )
)
