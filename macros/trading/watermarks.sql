{# Post-hook: this model has now seen what all the models it reads have seen. #}
{% macro remember_batch_of(upstream) -%}
    insert or replace into {{ build_watermarks() }}
    select
        '{{ this.name }}' as model,
        coalesce(min(batch_id), 0) as batch_id
    from {{ build_watermarks() }}
    where model in ('{{ upstream | join("', '") }}')
{%- endmacro %}
