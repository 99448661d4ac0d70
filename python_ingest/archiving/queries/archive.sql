-- Cold files on their way into the archive and back.

-- The files of days whose last moment lies `archive_after_days` before `as_of`, oldest first. Nor do
-- days count back from a time later than the newest landed moment (docs/adr/0034).
-- :due(policies)
select cold.relation, cold.date, cold.path, cold.bytes, cold.sha256
from raw.cold_files as cold
join $policies as policy on policy.relation = cold.relation
where $is_readable
    and cold.date + 1 <= least($$as_of, (select max(landings.max_timestamp) from raw.landings))
    - to_days(policy.archive_after_days::integer)
    and coalesce(cold.restored_at, '-infinity') <= $$read_before
order by cold.date, cold.relation, cold.file_id

-- :pending_since(pending)
select relation, greatest(pending_since, timestamp '0001-01-01')::date from $pending

-- The newest batch and run.
-- :moment()
select
    coalesce((select max(batch_id) from raw.landings), 0),
    coalesce((select max(run_number) from state.run), 0)

-- :files_of()
select path, sha256 from raw.cold_files where relation = ? and date = ? and $is_readable
-- :mark_archived()
update raw.cold_files
set state = 'archived', object_url = ?, storage_class = ?, archived_at = now()::timestamp
where path = ? and $is_readable

-- :archived_files()
select path, bytes, sha256, object_url from raw.cold_files
where relation = ? and state = 'archived' and date between ? and ? order by path
-- :mark_restored()
update raw.cold_files
set state = 'restored', restored_at = now()::timestamp, removed_at = null
where state = 'archived' and path in (select unnest(?::varchar[]))
-- :record_restored()
insert into state.restored_days
select distinct relation, date, (select run_number from state.run)
from raw.cold_files where path in (select unnest(?::varchar[]))
