{# Post-hook: this model has now seen what its upstream model has seen. #}
{% macro remember_batch_of(upstream) -%}
    insert or replace into {{ build_watermarks() }}
    select
        '{{ this.name }}' as model,
        coalesce(max(batch_id), 0) as batch_id
    from {{ build_watermarks() }}
    where model = '{{ upstream }}'
{%- endmacro %}
