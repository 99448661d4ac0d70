-- Common table expressions after `judged`, and what is missing (missing_rows.py). Rows are compared
-- as structs, in which nothing equals nothing. A row that tells: one of $whole beyond $same is there.
here as (
    select *, row($same) as same, row($whole) as whole, $tells as tells from $here
),
there as (
    select *, row($same) as same, row($whole) as whole, $tells as tells
    from judged
    where reason is null
),
here_by_whole as (
    select same, whole, any_value(tells) as tells, sum(copies)::bigint as copies
    from here
    group by same, whole
),
there_by_whole as (
    select whole, count(*) as copies
    from there
    group by whole
),
-- what no row there equals
left_here as (
    select
        h.same,
        sum(if(h.tells, greatest(h.copies - coalesce(t.copies, 0), 0), 0))::bigint as telling,
        sum(if(h.tells, 0, greatest(h.copies - coalesce(t.copies, 0), 0)))::bigint as silent
    from here_by_whole as h
    left join there_by_whole as t on h.whole = t.whole
    group by h.same
),
without_equal as (
    select t.* exclude (nth)
    from (
        select *, row_number() over (partition by whole order by row_number) as nth
        from there
    ) as t
    left join here_by_whole as h on t.whole = h.whole
    where t.nth > coalesce(h.copies, 0)
),
ranked as (
    select
        w.*,
        coalesce(h.telling, 0) as telling,
        coalesce(h.silent, 0) as silent,
        row_number() over (partition by w.same, w.tells order by row_number) as nth,
        count(*) filter (where not w.tells) over (partition by w.same) as silent_there
    from without_equal as w
    left join left_here as h on w.same = h.same
),
-- rows that tell nothing are found first in those that tell something
missing as (
    select * exclude (same, whole, tells, telling, silent, nth, silent_there)
    from ranked
    where
        nth > case
            when tells then greatest(silent - greatest(silent_there - telling, 0), 0)
            else telling + silent
        end
)
select found.*$numbered
from $found as found
union all by name
select * from judged
where reason is not null
