{# DuckDB would keep all ticks in memory because the few minutes with daily rules are looked for in the
   same relation: reading it twice takes a third of the time. #}
{% macro read_again_rather_than_keep() -%}
    set disabled_optimizers = 'common_subplan'
{%- endmacro %}

{% macro optimise_as_usual() -%}
    reset disabled_optimizers
{%- endmacro %}
