-- A scan's rows with a verdict on each: relation.py says what stands for the names with a dollar.
-- :validated(numbers, names, text, hash_name, with_nuls, ignored, hashed, without, reason, replaced,
--  source, typed, carried, needed, plain_numbers, scan)
select $numbers $names, reason, ignored,
    case when reason is not null then $text end as raw_text $hash_name
from (
    select $numbers $names, $with_nuls as reason, $ignored as ignored, raw_text $hashed
    from (
        select * $without
        from (
            select *, $reason as reason
            from (
                select * $replaced
                from (
                    select $source, $carried, "source.plain", $typed
                    from (
                        select $needed, $carried, $plain_numbers as "source.plain" from ($scan)
                    )
                )
            )
        )
    )
)

-- Landed rows as they would be today; nearly all stay as they are.
-- :respelled(rows, today, odd, anew)
(
    select * exclude (is_odd) $anew
    from (select * replace ($today), $odd as is_odd from $rows)
)
