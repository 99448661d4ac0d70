{# What reference data is of: it names an instrument, an exchange or, as a setting, everything. #}
{% macro is_named_by(reference, events) -%}
    {{ reference }}.exchange in ('', {{ events }}.exchange)
    and {{ reference }}.symbol in ('', {{ events }}.symbol)
{%- endmacro %}
