{# The newest batch a model has read, as a literal: DuckDB prunes row groups by literals only. #}
{% macro seen_batch() -%}
    {{ return(adapter.dispatch('seen_batch')()) }}
{%- endmacro %}

{% macro default__seen_batch() -%}
    {%- if is_incremental() and execute -%}
        {{- run_query("select " ~ last_built_batch()).columns[0].values()[0] -}}
    {%- else -%} 0
    {%- endif -%}
{%- endmacro %}

{# The newest landed batch. None can land during a build: dbt holds the database file. Of rows that Spark
   built, the newest that it knew. #}
{% macro landed_batch() -%}
    {%- if is_collected() -%}
        {{ var('collected') }}::bigint
    {%- else -%}
        (select coalesce(max(batch_id), 0) from {{ ref('stg_landings') }})
    {%- endif -%}
{%- endmacro %}

{# Post-hook, inside the model's transaction: rows and watermark are there together or not at all. #}
{% macro remember_build() %}
    {{ return(adapter.dispatch('remember_build')()) }}
{%- endmacro %}

{% macro default__remember_build() %}
    insert or replace into {{ build_watermarks() }}
    select
        '{{ this.name }}' as model,
        {{ landed_batch() }} as batch_id
{% endmacro %}

{# Pre-hook: take out what the minutes that int_minute_bars made anew had; the model puts in what they have. #}
{% macro forget_rebuilt_steps() -%}
    {{ return(adapter.dispatch('forget_rebuilt_steps')()) }}
{%- endmacro %}

{% macro default__forget_rebuilt_steps() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where (exchange, symbol, kind, minute) in (
            select exchange, symbol, kind, minute from {{ ref('int_minute_bars') }}
            where built_batch_id > {{ seen_batch() }}
        )
    {%- endif -%}
{%- endmacro %}

{# Post-hook: a tick that was busted or superseded is shown no longer, also where no other takes its place. #}
{% macro forget_void_ticks() -%}
    {{ return(adapter.dispatch('forget_void_ticks')()) }}
{%- endmacro %}

{% macro default__forget_void_ticks() -%}
    delete from {{ this }} where tick_id in (
        select tick_id from {{ ref('int_tick_amendments') }}
        where is_busted or is_superseded
    )
{%- endmacro %}

{# The stretches of hours in which a query's timestamps lie, as pairs (from, until); more than 50 become
   one. #}
{% macro touched_stretches(timestamps_sql) -%}
    {%- set stretches = [] -%}
    {%- if execute -%}
        {%- set sql -%}
            with hours as (
                select distinct date_trunc('hour', timestamp) as hour from ({{ timestamps_sql }})
            ),
            numbered as (
                select hour, hour - to_hours(row_number() over (order by hour)) as stretch from hours
            )
            select min(hour), max(hour) + interval 1 hour
            from numbered group by stretch order by 1
        {%- endset -%}
        {%- for low, high in run_query(sql).rows -%}{%- do stretches.append((low, high)) -%}{%- endfor -%}
    {%- endif -%}
    {%- if stretches | length > 50 -%}
        {%- set stretches = [(stretches[0][0], stretches[-1][1])] -%}
    {%- endif -%}
    {{ return(stretches) }}
{%- endmacro %}

{# Those stretches as literals: by a join DuckDB would skip nothing. Row groups are skipped by `column`,
   cold files by `date`, where the relation has one. A stretch goes on for `reach` hours. #}
{% macro in_stretches(column, stretches, reach=0, date=none) -%}
    {%- set further = modules.datetime.timedelta(hours=reach) -%}
    ({% for low, high in stretches -%}
        {{ column }} >= timestamp '{{ low }}' and {{ column }} < timestamp '{{ high + further }}'
        {%- if not loop.last %} or {% endif -%}
    {% else %}false{% endfor %})
    {%- if date and stretches %}
    and ({% for low, high in stretches -%}
        {{ date }} between date '{{ low.date() }}' and date '{{ high.date() }}'
        {%- if not loop.last %} or {% endif -%}
    {% endfor %})
    {%- endif %}
{%- endmacro %}

{# Both at once. #}
{% macro in_touched_hours(column, timestamps_sql, date=none) -%}
    {{ return(adapter.dispatch('in_touched_hours')(column, timestamps_sql, date)) }}
{%- endmacro %}

{% macro default__in_touched_hours(column, timestamps_sql, date) -%}
    {{ in_stretches(column, touched_stretches(timestamps_sql), date=date) }}
{%- endmacro %}

{# Spark keeps it with the table, where it is replaced in one step. #}
{% macro spark__seen_batch() -%}
    {%- if is_incremental() and execute -%} {{ table_property('seen_batch') or 0 }}
    {%- else -%} 0
    {%- endif -%}
{%- endmacro %}

{% macro spark__remember_build() -%}
    {%- set landed = landed_batch() -%}
    {%- if execute -%}
        alter table {{ this }} set tblproperties (
            'seen_batch' = '{{ run_query("select " ~ landed).columns[0].values()[0] }}'
        )
    {%- endif -%}
{%- endmacro %}

{% macro spark__forget_rebuilt_steps() -%}
    {{ drop_days(
        "select minute as timestamp from " ~ ref('int_minute_bars') ~ " where built_batch_id > "
        ~ seen_batch()
    ) }}
{%- endmacro %}

{% macro spark__forget_void_ticks() -%}
    {%- if execute and is_incremental() -%}
        {%- do run_query(replaced_by(
            "select * from " ~ this ~ " where tick_id not in (select tick_id from "
            ~ ref('int_tick_amendments') ~ " where is_busted or is_superseded)"
        )) -%}
        {%- do become_replaced() -%}
    {%- endif -%}
{%- endmacro %}
