{# The UUID that an id is, NULL where it is none. Most are none, and most of those are shorter. #}
{% macro as_uuid(id) -%}
    case when length({{ id }}) >= 32 then try_cast({{ id }} as uuid) end
{%- endmacro %}
