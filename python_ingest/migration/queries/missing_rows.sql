-- Common table expressions after `judged`, and what is missing (missing_rows.py). $same: the columns in
-- which rows are equal, $whole: with those in which one may tell nothing; $tells: whether it tells.
-- :missing_rows(here, same, whole, tells, found, numbered)
here as (
    select * from $here
),
-- rows there have no copies
both_sides as (
    select $whole, row_number, null::bigint as copies, $tells as tells
    from judged
    where reason is null
    union all by name
    select $whole, copies, $tells as tells
    from here
),
counted as (
    select
        *,
        row_number() over (partition by $whole, copies is null order by row_number) as nth,
        coalesce(sum(copies) over (partition by $whole), 0) as here_copies,
        count(*) filter (where copies is null) over (partition by $whole) as there_copies
    from both_sides
),
-- what no row of the other side equals; one row here stands for all that are equal
without_equal as (
    select
        * exclude (nth),
        case when copies is not null then here_copies - there_copies end as left_here
    from counted
    where
        case
            when copies is null then nth > here_copies
            else nth = 1 and here_copies > there_copies
        end
),
ranked as (
    select
        *,
        coalesce(sum(left_here) filter (where tells) over (partition by $same), 0) as telling,
        coalesce(sum(left_here) filter (where not tells) over (partition by $same), 0) as silent,
        row_number() over (partition by $same, tells, copies is null order by row_number) as nth,
        count(*) filter (where copies is null and not tells) over (partition by $same) as silent_there
    from without_equal
),
-- rows that tell nothing are found first in those that tell something
missing as (
    select judged.*
    from judged
    inner join ranked using (row_number)
    where
        ranked.copies is null
        and ranked.nth > case
            when tells then greatest(silent - greatest(silent_there - telling, 0), 0)
            else telling + silent
        end
)
select found.*$numbered
from $found as found
union all by name
select * from judged
where reason is not null
