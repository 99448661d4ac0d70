{# Where a relation is read from: DuckDB's raw tables or TimescaleDB's extract. The flag alone decides:
   USE_DUCKDB_FOR_READS, or USE_DUCKDB_FOR_READS_<RELATION> for one of them. #}
{% macro routed_relations() -%}
    {{ return({
        'ticks': {'duckdb': 'stg_landed_ticks', 'timescale': 'stg_timescale_landed_ticks'},
        'new_ticks': {'duckdb': 'stg_warm_ticks', 'timescale': 'stg_timescale_landed_ticks'},
        'orders': {'duckdb': 'stg_order_events', 'timescale': 'stg_timescale_order_events'},
        'metrics': {'duckdb': 'stg_system_metrics', 'timescale': 'stg_timescale_metrics'},
        'logs': {'duckdb': 'stg_application_logs', 'timescale': 'stg_timescale_logs'},
    }) }}
{%- endmacro %}

{% macro reads_duckdb(relation) -%}
    {%- set variable = 'USE_DUCKDB_FOR_READS' -%}
    {%- set own = variable ~ '_' ~ relation | upper -%}
    {%- set value = env_var(own, env_var(variable, 'true')) | lower -%}
    {%- if value not in ['true', 'false'] -%}
        {%- do exceptions.raise_compiler_error(
            own ~ " or " ~ variable ~ " is '" ~ value ~ "': it must be true or false"
        ) -%}
    {%- endif -%}
    {{ return(value == 'true') }}
{%- endmacro %}

{% macro landed(relation) -%}
    {{ return(ref(
        routed_relations()[relation]['duckdb' if reads_duckdb(relation) else 'timescale']
    )) }}
{%- endmacro %}

{# A staging model of TimescaleDB is copied where it is read, since its extract will be replaced. #}
{% macro kept_where_read(relation) -%}
    {{ return('view' if reads_duckdb(relation) else 'table') }}
{%- endmacro %}

{# What is read now, as one text per relation: the place, and for an extract its run. #}
{% macro read_positions() -%}
    {%- set extracts = {
        'ticks': 'market_ticks', 'new_ticks': 'market_ticks', 'orders': 'order_events',
        'metrics': 'system_metrics', 'logs': 'application_logs'
    } -%}
    {%- set positions = {} -%}
    {%- for relation in routed_relations() -%}
        {%- set runs = extracts_of(extracts[relation]) | map(attribute='run') | join(',') -%}
        {%- do positions.update({
            relation: 'duckdb' if reads_duckdb(relation) else 'timescale ' ~ runs
        }) -%}
    {%- endfor -%}
    {{ return(positions) }}
{%- endmacro %}

{# Hook: what was built from the other place, or from another extract, is built anew. Its batches say
   nothing about that. What is never rebuilt (full_refresh: false) stays. #}
{% macro follow_read_positions() %}
    {{ return(adapter.dispatch('follow_read_positions')()) }}
{% endmacro %}

{% macro default__follow_read_positions() %}
    {% if execute and flags.WHICH in ['build', 'run'] %}
        {% set kept = 'warm.read_positions' %}
        {% do run_query(
            "create schema if not exists warm; create table if not exists " ~ kept
            ~ " (relation varchar primary key, position varchar not null)"
        ) %}
        {% set before = {} %}
        {% for row in run_query("select relation, position from " ~ kept).rows %}
            {% do before.update({row[0]: row[1]}) %}
        {% endfor %}
        {% set now = read_positions() %}
        {% set moved = [] %}
        {% for relation, position in now.items() if before.get(relation, 'duckdb') != position %}
            {% do moved.append(relation) %}
        {% endfor %}
        {% if moved %}
            {% do log("Reading " ~ moved | join(', ') ~ " from elsewhere: building anew.", info=true) %}
            {% for node in graph.nodes.values()
                if node.resource_type == 'model' and node.config.materialized == 'incremental'
                and node.config.full_refresh is not sameas false %}
                {% set built = adapter.get_relation(node.database, node.schema, node.alias) %}
                {% if built is not none %}
                    {% do adapter.drop_relation(built) %}
                {% endif %}
            {% endfor %}
        {% endif %}
        {% for relation, position in now.items() %}
            {% do run_query(
                "insert or replace into " ~ kept ~ " values ('" ~ relation ~ "', '" ~ position ~ "')"
            ) %}
        {% endfor %}
        commit;
        begin
    {% endif %}
{% endmacro %}

{# Spark reads exports, which come from one place. #}
{% macro spark__follow_read_positions() -%} {%- endmacro %}
