{# The newest batch a model has read, as a literal: DuckDB prunes row groups by literals only. #}
{% macro seen_batch() -%}
    {%- if is_incremental() and execute -%}
        {{- run_query("select " ~ last_built_batch()).columns[0].values()[0] -}}
    {%- else -%} 0
    {%- endif -%}
{%- endmacro %}

{# The newest landed batch. None can land during a build: dbt holds the database file. #}
{% macro landed_batch() -%}
    (select coalesce(max(batch_id), 0) from {{ ref('stg_landings') }})
{%- endmacro %}

{# Post-hook, inside the model's transaction: rows and watermark are there together or not at all. #}
{% macro remember_build() %}
    insert or replace into {{ build_watermarks() }}
    select
        '{{ this.name }}' as model,
        {{ landed_batch() }} as batch_id
{% endmacro %}

{# The hours a query's timestamps lie in, as a literal predicate on `column`, so that a build reads
   only these row groups; `pad` widens each stretch. More than 50 stretches become one. #}
{% macro in_touched_hours(column, timestamps_sql, pad) -%}
    {%- set stretches = [] -%}
    {%- if execute -%}
        {%- set sql -%}
            with hours as (
                select distinct date_trunc('hour', timestamp) as hour from ({{ timestamps_sql }})
            ),
            numbered as (
                select hour, hour - to_hours(row_number() over (order by hour)) as stretch from hours
            )
            select min(hour) - interval '{{ pad }}', max(hour) + interval '{{ pad }}' + interval 1 hour
            from numbered group by stretch order by 1
        {%- endset -%}
        {%- for low, high in run_query(sql).rows -%}{%- do stretches.append((low, high)) -%}{%- endfor -%}
    {%- endif -%}
    {%- if stretches | length > 50 -%}
        {%- set stretches = [(stretches[0][0], stretches[-1][1])] -%}
    {%- endif -%}
    ({% for low, high in stretches -%}
        {{ column }} >= timestamp '{{ low }}' and {{ column }} < timestamp '{{ high }}'
        {%- if not loop.last %} or {% endif -%}
    {% else %}false{% endfor %})
{%- endmacro %}
