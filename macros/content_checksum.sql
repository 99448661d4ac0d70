{# One text that tells whether any row of a relation changed. #}
{% macro content_checksum(relation) -%}
    md5(coalesce(string_agg({{ relation }}::varchar, '|' order by {{ relation }}::varchar), ''))
{%- endmacro %}
