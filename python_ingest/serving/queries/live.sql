-- Published rows, but for what a live build changed (macros/engine/restate.sql does the same in a
-- build).

-- Two empty tables, and the relation as a view that heeds them.
-- :changed(relation, published, added, removed, key, same)
create table $added as from $published limit 0;
create table $removed as select $key from $published limit 0;
create view $relation as
select published.* from $published as published
anti join $removed as removed on $same
union all
from $added;

-- The valuation at the newest moment, which is built and not published until somebody takes it.
-- :and_newest(published, accounts)
$published
union all by name
select * replace ('live' as snapshot_type), snapshot_time::date as date
from memory.warm.portfolio_snapshots_warm
where snapshot_type = 'newest' and $accounts

-- :vanished_rows(published, added)
create table $added as from $published limit 0;
create view state.vanished_rows as
from $published union all by name from $added;

-- :run_begins(published, landings)
update state.run set
    started_at = now()::timestamp,
    run_number = (select run_number + 1 from $published),
    batch_id = (select coalesce(max(batch_id), 0) from $landings)

-- :seen_from_here(landings)
select (select count(*) from state.run) + (select count(*) from $landings)

-- :differing(both, first, existing, e, n, same)
create or replace temp table differing as
select $both, e.$first is not null as was_there, n.$first is null as is_gone
from ($existing) as e
full join restated as n on $same
where e.$first is null or n.$first is null or ($e) is distinct from ($n)
-- :add_restated(added, same)
insert into $added by name
select restated.* from restated
semi join differing on $same
-- :add_vanished(added, relation, time)
insert into $added by name
select $relation as relation, exchange, symbol, $time as vanished_at,
    (select run_number from state.run) as run_number
from differing
where is_gone

-- A tombstone for each cold row of the region that is not there any more.
-- :bury(added, relation, id, cold, pending, inside, same, days)
insert into $added by name
select $relation as relation, cold.$id::varchar as id
from $cold as cold
semi join $pending as pending on $inside
anti join restated on $same
where $days
