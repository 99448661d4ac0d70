{# Whether a time is another one, cut to seconds, milliseconds or microseconds by a coarser clock. #}
{% macro is_truncation_of(coarse, nanoseconds, fine) -%}
    (
        {{ nanoseconds }} = 0
        and {{ coarse }} in (
            date_trunc('second', {{ fine }}), date_trunc('millisecond', {{ fine }}), {{ fine }}
        )
    )
{%- endmacro %}
