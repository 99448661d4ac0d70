{# Joins a tick to its minute. The hash is the minute; the two comparisons, which say the same, let DuckDB
   skip row groups, and on_day_of the files of other days. #}
{% macro in_minute(tick, minute) -%}
    {{ tick }}.exchange = {{ minute }}.exchange
    and {{ tick }}.symbol = {{ minute }}.symbol
    and {{ tick }}.kind = {{ minute }}.kind
    and {{ minute_number(tick ~ '.timestamp') }} = {{ minute_number(minute ~ '.minute') }}
    and {{ tick }}.timestamp >= {{ minute }}.minute
    and {{ tick }}.timestamp < {{ minute }}.minute + interval 1 minute
{%- endmacro %}

{% macro on_day_of(tick, minutes) -%}
    {{ tick }}.date in (select days.minute::date from {{ minutes }} as days)
{%- endmacro %}
