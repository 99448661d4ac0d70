{# 30 s after its end by the exchange's own ticks; where they fell silent, a day after it. #}
{% macro is_bar_complete(ends_at, newest_at) -%}
    (
        coalesce({{ ends_at }} + interval 30 seconds <= {{ newest_at }}, false)
        or {{ ends_at }} + interval 1 day <= {{ as_of() }}
    )
{%- endmacro %}
