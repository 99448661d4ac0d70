-- The files of cold storage: written, read back, named in the manifest, replaced, deleted.

-- A day's rows by their time; constants, so that only its row groups are read.
-- :of_day(rows, time, day)
select * from ($rows) where $on_day
-- :on_day(time, day)
$time >= timestamp '$day' and $time < timestamp '$day' + interval 1 day

-- What must be equal for the rows and for the file that is written of them.
-- :proof(names, time, first_batch, last_batch, stored)
select count(*), coalesce(sum(hash($names)), 0), min($time), max($time), $first_batch, $last_batch
from ($stored)

-- :record_file()
insert into raw.cold_files (
    file_id, relation, date, folder, path, rows, checksum, sha256, bytes, min_timestamp,
    max_timestamp, min_batch_id, max_batch_id, exported_at, state, columns
)
values (
    $$file_id, $$relation, $$date, $$folder, $$path, $$rows, $$checksum, $$sha256, $$bytes,
    $$min_timestamp, $$max_timestamp, $$min_batch_id, $$max_batch_id, now()::timestamp, 'local',
    $$columns
)

-- The files of a day, or of one folder of it.
-- :replace_files()
update raw.cold_files set state = 'replaced', replaced_at = now()::timestamp
where relation = $$relation and date = $$date and coalesce(folder = $$folder, true) and $is_readable

-- The partitions that lie in more than one file.
-- :scattered()
select relation, date, folder, count(*), sum(rows)::bigint
from raw.cold_files
where $is_readable
group by all having count(*) > 1 order by all

-- :paths_of_partition()
select path from raw.cold_files where relation = ? and date = ? and folder = ? and $is_readable

-- :manifest()
select path, $is_readable, bytes, removed_at is null, object_url from raw.cold_files
-- :note_swept()
update raw.cold_files set removed_at = now()::timestamp
where path in (select unnest($$paths::varchar[])) and removed_at is null

-- A row of a file, `in_file`, that the database has neither warm nor in files that it reads.
-- :lacking(in_file, names, home, view, time, day)
select 1 from (
    ($in_file)
    except (
        select $names from $home where $on_day
        union all
        select $names from $view where date = date '$day'
    )
) limit 1
