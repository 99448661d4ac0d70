-- What Flight SQL clients list.

-- What is in memory bears a published name too.
-- :relations()
select name
from (
    select database_name, schema_name, table_name as name, internal from duckdb_tables()
    union all
    select database_name, schema_name, view_name as name, internal from duckdb_views()
)
where not internal
    and schema_name = $$schema
    and database_name = $$published
    and ($$like is null or name like $$like escape '\')
order by name

-- :comments()
select table_name as name, column_name, comment
from duckdb_columns()
where schema_name = $$schema and database_name = $$published and comment is not null

-- :schemas()
select $$schema where $$like is null or $$schema like $$like escape '\'
