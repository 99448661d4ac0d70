{# Whether the day of a time is there, and not in the archive only. Data tests that compare a mart with what
   never leaves the database judge these days. #}
{% macro is_not_archived(relation, time) -%}
    {{ time }}::date not in (
        select days.date from {{ ref('int_archived_days') }} as days
        where days.relation = '{{ relation }}'
    )
{%- endmacro %}
