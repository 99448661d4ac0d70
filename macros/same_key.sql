{# Two relations agree in these columns. #}
{% macro same_key(one, other, key) -%}
    {%- for column in key -%}
        {{ one }}.{{ column }} = {{ other }}.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# The columns of a key, of a relation where one is named. #}
{% macro columns_of(key, row='') -%}
    {%- for column in key -%}
        {{ row ~ '.' if row }}{{ column }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
