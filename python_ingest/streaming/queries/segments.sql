-- Identical ticks without a key, counted over a whole stream. `seen` has those of former flushes,
-- `counted` those of this one.

-- :received(number, keyless, rows)
create or replace temp view received as
select * exclude (file_row_number, key_id, key_number) $number, ($keyless) as keyless
from $rows
-- :numbered(path)
copy (
    select received.* exclude (keyless, content_hash),
        case when keyless then coalesce(seen.occurrences, 0) + row_number() over (
            partition by received.content_hash, keyless order by row_number
        ) else 1 end as occurrence
    from received left join seen on seen.content_hash = received.content_hash
) to $path (format parquet)
-- :count_received()
insert into counted select content_hash, count(*) from received where keyless group by all

-- :count_again()
update seen set occurrences = occurrences + n, noted = $$now from counted
where counted.content_hash = seen.content_hash
-- :count_new()
insert into seen select content_hash, n, $$now from counted
where content_hash not in (select content_hash from seen)
