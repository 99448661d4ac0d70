{# Of several versions of one row the one from REST or a backfill counts before a websocket's. #}
{% macro source_rank(source) -%}
    case when {{ source }} in ('rest', 'backfill') then 0 else 1 end
{%- endmacro %}
