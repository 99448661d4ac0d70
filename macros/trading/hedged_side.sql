{# The side of a position that is kept by sides, and NULL else: an id made of the rest is what it was before. #}
{% macro hedged_side() -%}
    nullif(position_side, 'net')
{%- endmacro %}
