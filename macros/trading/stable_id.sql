{# 63 bits of the md5 of a natural key. #}
{% macro stable_id(columns) -%}
    (
        md5_number(concat_ws(chr(31), {{ columns | join(', ') }})) & 9223372036854775807::uhugeint
    )::bigint
{%- endmacro %}
