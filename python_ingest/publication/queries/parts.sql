-- A table by parts of time (parts.py).

-- Each row is counted once, among the known ones or the new ones of its part.
-- :parts(source, part, id, content)
select
    part::varchar,
    coalesce(sum(rows) filter (is_known), 0),
    coalesce(sum(content) filter (is_known), 0)::varchar,
    sum(rows),
    sum(content)::varchar,
    max(id)
from (
    select
        $part as part,
        $id <= $$newest as is_known,
        count(*) as rows,
        sum($content) as content,
        max($id) as id
    from ($source)
    group by all
)
group by all

-- DuckDB skips row groups by the span of times; it cannot by an expression of the column.
-- :append(table, source, part, id, time, days, ordered)
insert into $table
select * from ($source)
where $part in (select unnest($$parts::date[])) and $id > $$after
    and $time >= $$first::date and $time < $$last::date + $days $ordered
