-- The manifest of cold files, and the views over them.

-- Schema and name apart: the engine looks at all tables for a text made of both.
-- :exists()
select count(*) > 0 from duckdb_tables()
where database_name = current_database() and schema_name = ? and table_name = ?

-- :readable_files()
select * from raw.cold_files
where relation = ? and $is_readable
    and date between coalesce(?, '-infinity'::date) and coalesce(?, 'infinity'::date)
    and coalesce(max_batch_id > ?, true)
order by date, file_id

-- :readable_paths()
select distinct path from raw.cold_files where $is_readable order by path

-- :archived_dates()
select distinct date from raw.cold_files
where relation = ? and state = 'archived' and date between ? and ?
order by date

-- :view_columns()
select column_name, data_type from duckdb_columns()
where database_name = current_database() and schema_name = 'cold' and table_name = ?
order by column_index

-- :views()
select view_name, sql from duckdb_views()
where database_name = current_database() and schema_name = 'cold'

-- :local_files(scheme)
select relation, list(path order by path) from raw.cold_files
where $is_readable and not starts_with(path, $scheme)
group by relation

-- What the files of a relation hold.
-- :bounds()
select min(date), max(date), max(max_timestamp), max(max_batch_id)
from raw.cold_files where relation = ? and $is_readable

-- The rows of files that are not warm again and have no tombstone.
-- :not_restated(all_rows, key, key_type, home, time, newest, relation)
select cold.* from $all_rows as cold
anti join (
    select $key from $home where $time <= timestamp '$newest'
    union all
    select id::$key_type from warm.tombstones where relation = $relation
) as restated on cold.$key = restated.$key
