{# Where a relation is read from: DuckDB's raw tables or TimescaleDB's extract. The flag alone decides:
   USE_DUCKDB_FOR_READS, or USE_DUCKDB_FOR_READS_<FLAG> for one of them. #}
{% macro routed_relations() -%}
    {{ return({
        'ticks': {
            'flag': 'TICKS', 'extract': 'market_ticks',
            'duckdb': 'stg_landed_ticks', 'timescale': 'stg_timescale_landed_ticks'
        },
        'new_ticks': {
            'flag': 'TICKS', 'extract': 'market_ticks',
            'duckdb': 'stg_warm_ticks', 'timescale': 'stg_timescale_landed_ticks'
        },
        'orders': {
            'flag': 'ORDERS', 'extract': 'order_events',
            'duckdb': 'stg_order_events', 'timescale': 'stg_timescale_order_events'
        },
        'metrics': {
            'flag': 'METRICS', 'extract': 'system_metrics',
            'duckdb': 'stg_system_metrics', 'timescale': 'stg_timescale_metrics'
        },
        'logs': {
            'flag': 'LOGS', 'extract': 'application_logs',
            'duckdb': 'stg_application_logs', 'timescale': 'stg_timescale_logs'
        },
    }) }}
{%- endmacro %}

{% macro reads_duckdb(relation) -%}
    {%- set variable = 'USE_DUCKDB_FOR_READS' -%}
    {%- set own = variable ~ '_' ~ routed_relations()[relation]['flag'] -%}
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
    {%- set positions = {} -%}
    {%- for relation, route in routed_relations().items() -%}
        {%- do positions.update({
            relation: 'duckdb' if reads_duckdb(relation)
                else 'timescale ' ~ extracts_of(route['extract']) | map(attribute='run') | join(',')
        }) -%}
    {%- endfor -%}
    {{ return(positions) }}
{%- endmacro %}

{# Hook: what was built from the other place, or from another extract, is built whole: its batches say
   nothing about that. What is never rebuilt stays, and its hours that are there now are rolled up again. #}
{% macro follow_read_positions() -%} {{ return(adapter.dispatch('follow_read_positions')()) }} {%- endmacro %}

{% macro default__follow_read_positions() %}
    {% if execute and flags.WHICH in ['build', 'run'] %}
        {% set before, now, moved = {}, read_positions(), [] %}
        {% for relation, position in run_query("from warm.read_positions").rows %}
            {% do before.update({relation: position}) %}
        {% endfor %}
        {% for relation, position in now.items() %}
            {% if before.get(relation, 'duckdb') != position %}{% do moved.append(relation) %}{% endif %}
            insert or replace into warm.read_positions values ('{{ relation }}', '{{ position }}');
        {% endfor %}
        {% if moved %}
            {% do log("Reading " ~ moved | join(', ') ~ " from elsewhere: building anew.", info=true) %}
            delete from state.chains{{ " where chain <> 'metrics'" if 'metrics' not in moved }};
        {% endif %}
        commit;
        begin
    {% endif %}
{% endmacro %}

{# Spark reads exports, which come from one place. #}
{% macro spark__follow_read_positions() -%} {%- endmacro %}

{# Hook: what the migration models built before they were switched off goes, so that no publication
   shows an old comparison. So do the extracts that an earlier version kept in schema staging. #}
{% macro drop_migration_relations() -%} {{ return(adapter.dispatch('drop_migration_relations')()) }} {%- endmacro %}

{% macro default__drop_migration_relations() %}
    {% if execute and flags.WHICH in ['build', 'run'] %}
        {% set gone = [] %}
        {% for route in routed_relations().values() %}
            {% do gone.append(adapter.get_relation(target.database, 'staging', route['timescale'])) %}
        {% endfor %}
        {% if 'model.trading.migration_status' not in graph.nodes %}
            {% do gone.append(adapter.get_relation(target.database, 'main', 'migration_status')) %}
        {% endif %}
        {% for relation in gone if relation is not none %}
            {% do adapter.drop_relation(relation) %}
            {% if relation.identifier == 'migration_status' %}
                drop schema if exists migration cascade;
            {% endif %}
            {% if loop.last %} commit; begin {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{% macro spark__drop_migration_relations() -%} {%- endmacro %}
