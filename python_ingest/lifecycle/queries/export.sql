-- Rows that leave the database for files.

-- A restated day: what leaves now, and what its files have that still counts.
-- :day_content(kept, names, view, day)
create or replace temp table day_content as
$kept union all select $names from $view where date = date '$day'

-- What a policy deletes without a file.
-- :note_removed(batch, rows, day)
insert into raw.removed_rows
select $$relation, date '$day', $batch, count(*), now()::timestamp
from ($rows) where not is_kept
group by all

-- Tombstones by the type of their relation's key.
-- :tombstones(key_type)
select id::$key_type from warm.tombstones where relation = $$relation
-- :days_of_tombstones(files, key, key_type)
select distinct date from ($files) where $key in ($tombstones)

-- :has_archived()
select count(*) > 0 from raw.cold_files where relation = $$relation and state = 'archived'

-- The files of some days that were read until this transaction.
-- :files_until_now()
select path from raw.cold_files
where relation = $$relation and ($is_readable or replaced_at = now()::timestamp)
    and date in (select unnest($$days::date[]))
