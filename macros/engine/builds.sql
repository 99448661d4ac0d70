{# How a build keeps what it made, where the engines differ. #}

{# Whether an incremental build makes anew the rows that changed, or the whole days they lie in. #}
{% macro restates_rows() -%}
    {{ return(adapter.dispatch('restates_rows')()) }}
{%- endmacro %}

{% macro default__restates_rows() -%} {{ return(true) }} {%- endmacro %}

{% macro spark__restates_rows() -%} {{ return(false) }} {%- endmacro %}

{# Where what landed of late is read: warm rows in DuckDB; in an export they may lie in any file. #}
{% macro newly_landed_ticks() -%}
    {{ return(adapter.dispatch('newly_landed_ticks')()) }}
{%- endmacro %}

{% macro default__newly_landed_ticks() -%} {{ return('stg_warm_ticks') }} {%- endmacro %}

{% macro spark__newly_landed_ticks() -%} {{ return('stg_landed_ticks') }} {%- endmacro %}

{# All columns, with the UTC date of one of them; in Spark that is the table's partition column. #}
{% macro with_date(time) -%}
    {{ return(adapter.dispatch('with_date')(time)) }}
{%- endmacro %}

{% macro default__with_date(time) -%} *, {{ time }}::date as date {%- endmacro %}

{% macro spark__with_date(time) -%} * {%- endmacro %}

{# Said of a CTE that is to be read as often as it is named. #}
{% macro not_materialized() -%}
    {{ return(adapter.dispatch('not_materialized')()) }}
{%- endmacro %}

{% macro default__not_materialized() -%} not materialized {%- endmacro %}

{% macro spark__not_materialized() -%} {%- endmacro %}

{# Contracts and seeds name DuckDB's types; these are Spark's for them. A time of day is a text in a
   table of Spark's, the staging models read it as a time. #}
{% macro spark_type(type) -%}
    {{ return(
        type | replace('varchar[]', 'array<string>') | replace('varchar', 'string')
        | replace('uuid', 'string')
    ) }}
{%- endmacro %}

{% macro spark__get_empty_schema_sql(columns) -%}
    {%- set translated = {} -%}
    {%- for name, column in columns.items() -%}
        {%- do translated.update({name: dict(column, data_type=spark_type(column['data_type']))}) -%}
    {%- endfor -%}
    {{ return(default__get_empty_schema_sql(translated)) }}
{%- endmacro %}

{# Parquet tables keep no constraints: the tests do. #}
{% macro spark__persist_constraints(relation, model) -%} {%- endmacro %}

{% macro spark_seed(model) -%}
    {%- set types = {} -%}
    {%- for column, type in model['config'].get('column_types', {}).items() -%}
        {%- do types.update({column: 'string' if type == 'time' else spark_type(type)}) -%}
    {%- endfor -%}
    {{ return(dict(model, config=dict(model['config'], column_types=types))) }}
{%- endmacro %}

{% macro spark__create_csv_table(model, agate_table) -%}
    {{ return(dbt.spark__create_csv_table(spark_seed(model), agate_table)) }}
{%- endmacro %}

{% macro spark__load_csv_rows(model, agate_table) -%}
    {{ return(dbt.spark__load_csv_rows(spark_seed(model), agate_table)) }}
{%- endmacro %}

{# On-run-start on Spark: all ticks are cold rows, in the files that `ingest export` wrote last. #}
{% macro read_export() %}
    {% if execute and flags.WHICH in ["build", "run", "test", "seed", "snapshot", "show"] %}
        {% set root = env_var('DATA_DIR', 'data') ~ '/export/' %}
        {% set folder = root ~ run_query(
            "select folder from json.`" ~ root ~ "current.json`"
        ).columns[0].values()[0] %}
        {% set columns = [] %}
        {% for column in graph.nodes["model." ~ project_name ~ ".ohlcv_bars"].columns.values() %}
            {% do columns.append(
                "null::" ~ spark_type(column.data_type) ~ " as " ~ column.name
            ) %}
        {% endfor %}
        {% set views = {
            "cold.market_ticks": "* from parquet.`" ~ folder ~ "/market_ticks`",
            "raw.market_ticks": "* except (date) from cold.market_ticks where false",
            "cold.ohlcv_bars": columns | join(", ") ~ " where false",
        } %}
        {% for table in ["tick_corrections", "tick_conflicts", "tick_confirmations", "landings"] %}
            {% do views.update({"raw." ~ table: "* from parquet.`" ~ folder ~ "/" ~ table ~ "`"}) %}
        {% endfor %}
        {% for schema in ["raw", "cold", "warm"] %}
            {% do run_query("create schema if not exists " ~ schema) %}
        {% endfor %}
        {% for view, sql in views.items() %}
            {% do run_query("create or replace view " ~ view ~ " as select " ~ sql) %}
        {% endfor %}
    {% endif %}
{% endmacro %}
