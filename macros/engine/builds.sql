{# How a build keeps what it made, where the engines differ. #}

{# Marks a CTE as not materialized. #}
{% macro not_materialized() -%} {{ return(adapter.dispatch('not_materialized')()) }} {%- endmacro %}

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

{# A build on Spark is whole (docs/adr/0020): it follows no run before it, and none follows it. #}
{% macro spark__should_full_refresh() -%} {{ return(true) }} {%- endmacro %}

{% macro spark__begin_run() -%} {%- endmacro %}

{% macro spark__end_run(results) -%} {%- endmacro %}

{# On Spark all ticks are cold rows, in the files that `ingest export` wrote last. #}
{% macro spark__make_cold_views() %}
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
            "state.run": "1::bigint as run_number, coalesce(max(batch_id), 0) as batch_id,"
                ~ " now()::timestamp as started_at from parquet.`" ~ folder ~ "/landings`",
        } %}
        {% for table in [
            "raw.tick_corrections", "raw.tick_conflicts", "raw.tick_confirmations", "raw.cold_files",
            "raw.landings",
            "state.chains", "state.reference_as_built", "state.vanished_rows", "state.restored_days",
            "state.waiting_regions", "warm.ohlcv_bar_revisions"
        ] %}
            {% do views.update({
                table: "* from parquet.`" ~ folder ~ "/" ~ table.split(".")[1] ~ "`"
            }) %}
        {% endfor %}
        {% set statements = [] %}
        {% for schema in ["raw", "cold", "state", "warm"] %}
            {% do statements.append("create schema if not exists " ~ schema) %}
        {% endfor %}
        {% for view, sql in views.items() %}
            {% do statements.append("create or replace view " ~ view ~ " as select " ~ sql) %}
        {% endfor %}
        {% for statement in statements %}{% do run_query(statement) %}{% endfor %}
    {% endif %}
{% endmacro %}
