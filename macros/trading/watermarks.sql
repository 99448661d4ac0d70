{# Post-hook: this model has now seen every batch that has landed (numbers of all kinds are one row). #}
{% macro remember_newest_batch() -%}
    insert or replace into {{ build_watermarks() }}
    select
        '{{ this.name }}' as model,
        coalesce(max(batch_id), 0) as batch_id
    from {{ ref('stg_landings') }}
{%- endmacro %}

{# Post-hook: this model has now seen what its upstream model has seen. #}
{% macro remember_batch_of(upstream) -%}
    insert or replace into {{ build_watermarks() }}
    select
        '{{ this.name }}' as model,
        coalesce(max(batch_id), 0) as batch_id
    from {{ build_watermarks() }}
    where model = '{{ upstream }}'
{%- endmacro %}
