{# Not dated after it came, 5 s granted to clocks: such a tick tells how far its exchange is. #}
{% macro is_on_clock(tick) -%}
    {{ tick }}.timestamp <= {{ tick }}.ingestion_time + interval 5 seconds
{%- endmacro %}
