{# build_watermarks says up to which batch each incremental model has read the raw tables. #}
{% macro build_watermarks() -%}
    {{ target.schema }}.build_watermarks
{%- endmacro %}

{# dbt rolls back what a hook leaves open, so this one commits; where it looks at freshness only, it has
   begun nothing. #}
{% macro create_build_watermarks() %}
    {% if flags.WHICH != 'freshness' %}
        {{ return(adapter.dispatch('create_build_watermarks')()) }}
    {% endif %}
{%- endmacro %}

{% macro default__create_build_watermarks() %}
    create table if not exists {{ build_watermarks() }} (
        model varchar primary key,
        batch_id bigint not null
    );
    commit;
    begin
{% endmacro %}

{# The last batch this model has seen; 0 before its first build and in a full refresh. #}
{% macro last_built_batch(model_name=this.name) -%}
    {%- if is_incremental() -%}
        coalesce((select max(batch_id) from {{ build_watermarks() }} where model = '{{ model_name }}'), 0)
    {%- else -%} 0
    {%- endif -%}
{%- endmacro %}

{% macro spark__create_build_watermarks() -%} {%- endmacro %}
