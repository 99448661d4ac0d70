-- The rows of a relation that two files do not have alike, `o` in the first and `n` in the second.

-- :by_grain(old, new, same, differs)
create or replace temp table differing as
select
    case when n.there is null then 'removed' when o.there is null then 'added' else 'changed' end as kind,
    o,
    n
from (select *, true as there from $old) as o
full join (select *, true as there from $new) as n on $same
where n.there is null or o.there is null or $differs

-- :whole_rows(old, new)
create or replace temp table differing as
select 'removed' as kind, o from (from $old except all from $new) as o
union all by name
select 'added' as kind, n from (from $new except all from $old) as n
