-- What waits for days that lie in the archive (docs/adr/0034). dbt writes it when a run ends.

-- One row per chain, archived day and key with pending work that needs rows of the day. restart_at:
-- from when on the key is restated when the day is back.
create table state.waiting_regions (
    chain varchar not null,
    relation varchar not null,
    date date not null,
    key varchar not null,
    restart_at timestamp not null
);

-- Days that `ingest archive restore` brought back, and the newest run then: they are pending work of
-- every chain that was not complete since. Gone when all chains were.
create table state.restored_days (
    relation varchar not null,
    date date not null,
    after_run bigint not null
);

-- What an earlier version computed from a part of an archived day is computed anew from days that are
-- back already.
insert into state.restored_days
select distinct
    relation,
    date,
    (select run_number from state.run) as after_run
from raw.cold_files
where state = 'restored';
