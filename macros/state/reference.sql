{# What a chain was built with, once it is complete: int_reference says what it is now. #}
{% macro remember_reference(chain) -%}
    {%- set reference = ref('int_reference') -%}
    {%- if load_relation(reference) is not none %}
        delete from state.reference_as_built
        where chain = '{{ chain }}';
        insert into state.reference_as_built by name
        select * from {{ reference }}
        where chain = '{{ chain }}';
    {%- endif -%}
{%- endmacro %}

{# Stops a model of the chain when reference data changed that only a full refresh can follow: what the
   rows were made of may lie in the archive. #}
{% macro require_same_reference(chain) %}
    {% set changed = run_query(
        "select string_agg(distinct kind, ', ' order by kind) from " ~ ref('int_reference_changes')
        ~ " where chain = '" ~ chain ~ "'"
    ).columns[0].values()[0] %}
    {% if changed %}
        {% do exceptions.raise_compiler_error(
            this.name ~ " was built with other reference data (seeds: " ~ changed ~ "): run `dbt build"
            ~ " --full-refresh --select config.meta.chain:" ~ chain ~ "+`"
        ) %}
    {% endif %}
{% endmacro %}
