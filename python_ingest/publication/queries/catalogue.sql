-- What a database file holds, and what a publication says of itself.

-- :relations()
select schema_name, table_name, null from duckdb_tables()
where database_name = $$catalog and not internal and not temporary
union all
select schema_name, view_name, sql from duckdb_views()
where database_name = $$catalog and not internal
order by all

-- :comments_of_columns()
select table_name, column_name, comment from duckdb_columns()
where database_name = $$catalog and schema_name = 'main' and comment is not null
-- :comments_of_relations()
select table_name, comment from duckdb_tables()
where database_name = $$catalog and schema_name = 'main' and comment is not null
union all
select view_name, comment from duckdb_views()
where database_name = $$catalog and schema_name = 'main' and comment is not null

-- :status(name)
create table main.$name (
    relation varchar primary key,
    chain varchar,
    batch_id bigint,
    marked_with_batch_id bigint,
    published_at timestamp,
    held_back_because varchar
)
-- :status_of_former(name, former)
insert into main.$name by name
select * replace (? as held_back_because) from $former.main.$name where relation = ?

-- `cold`: the folder of local cold files, ending in a slash.
-- :missing_files(name, cold)
create view main.$name as
with cold as (
    select relation, date, rows, $cold || regexp_replace(path, '^(.*/)?cold/', '') as path
    from main.cold_files
    where $is_readable and not contains(path, '://')
)

select * from cold
where path not in (select file from glob($cold || '**/*.parquet'))
