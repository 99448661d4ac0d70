{#- What a build has proven, so that the next one proves only what came since: data tests whose cost would
    grow with history look at the days that changed after the last build in which every test passed. -#}

{#- On-run-end: when all data tests ran and none failed, everything landed so far is proven. -#}
{% macro remember_proof(results) %}
    {%- set landed = landed_batch() -%}
    {%- if is_collected() -%}
        {#- What Spark built is proven by the next build. -#}
        delete from {{ build_watermarks() }} where model = 'data tests'
    {%- elif execute -%}
        {%- set passed = [] -%}
        {%- for result in results if result.status in ('pass', 'warn') -%}
            {%- do passed.append(result.node.unique_id) -%}
        {%- endfor -%}
        {%- set tests = graph.nodes.values() | selectattr('resource_type', 'equalto', 'test') -%}
        {%- if tests | map(attribute='unique_id') | reject('in', passed) | list | length == 0 -%}
            {{ return(adapter.dispatch('write_proof')(landed)) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro default__write_proof(landed) %}
    insert or replace into {{ build_watermarks() }}
    select
        'data tests' as model,
        {{ landed }} as batch_id
{% endmacro %}

{% macro spark__write_proof(landed) -%} {%- endmacro %}

{#- Whether a time lies in a day, or beside one (a trading day may span two), of which steps were made that no
    build has proven; in a full refresh, and before the first build, all do. -#}
{% macro is_unproven(column) -%}
    {{ return(adapter.dispatch('is_unproven')(column)) }}
{%- endmacro %}

{% macro default__is_unproven(column) -%}
    {%- set steps = ref('int_minute_bars') -%}
    {%- set built = execute and adapter.get_relation(target.database, target.schema, 'build_watermarks') -%}
    {%- if flags.FULL_REFRESH or not built -%} true
    {%- else -%}
        {%- set proven = run_query(
            "select coalesce(max(batch_id), 0) from " ~ build_watermarks() ~ " where model = 'data tests'"
        ).columns[0].values()[0] -%}
        {%- set changed = touched_stretches(
            "select distinct minute::date - interval 1 day as timestamp from " ~ steps
            ~ " where built_batch_id > " ~ proven
        ) -%}
        {{- in_stretches(column, changed, reach=71) -}}
    {%- endif -%}
{%- endmacro %}

{% macro spark__is_unproven(column) -%} true {%- endmacro %}
