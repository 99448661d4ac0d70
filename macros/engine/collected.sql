{# `ingest collect`: in DuckDB a full refresh takes the rows that Spark built, up to batch var('collected'),
   instead of computing them. All else is as in any full refresh: revisions, tombstones, chains. #}
{% macro duckdb__create_table_as(temporary, relation, compiled_code, language="sql") -%}
    {%- if is_collected() and config.get("materialized") == "incremental" and not temporary -%}
        {%- set compiled_code = collected_rows(compiled_code) -%}
    {%- endif -%}
    {{ return(dbt.duckdb__create_table_as(temporary, relation, compiled_code, language, **kwargs)) }}
{%- endmacro %}

{% macro is_collected() -%} {{ return(var("collected", none) is not none) }} {%- endmacro %}

{# Spark's files of this model, in the types of its own query. To the chains below they are rows of this
   run: Spark counts no runs. #}
{% macro collected_rows(sql) -%}
    {%- set files = env_var("DATA_DIR", "data") ~ "/spark/" ~ model.schema ~ ".db/" ~ model.alias ~ "/" -%}
    {%- set files = "'" ~ (files | replace("'", "''")) ~ "**/*.parquet'" -%}
    {%- set columns = run_query(
        "select column_name, column_type, (select count(*) from glob(" ~ files ~ ")) from (describe "
        ~ sql ~ "\n)"
    ).rows -%}
    {%- if columns[0][2] == 0 -%}
        select * from ({{ sql }}) where false
    {%- else -%}
        {%- set time = config.get("meta", {}).get("time") -%}
        select
            {%- for column in columns %}
            {%- set name = adapter.quote(column[0]) %}
            {{ run_number() if column[0] == "built_run" else name }}::{{ column[1] }} as {{ name }}{{ "," if not loop.last }}
            {%- endfor %}
        from read_parquet({{ files }}, hive_partitioning = false)
        {% if time %}order by {{ time }}{% endif %}
    {%- endif -%}
{%- endmacro %}
