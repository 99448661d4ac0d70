{# The minute a time lies in, as an integer: groups faster than any timestamp. #}
{% macro minute_number(column) -%}
    epoch_us({{ column }}) // 60000000
{%- endmacro %}

{% macro minute_of(column) -%}
    make_timestamp({{ minute_number(column) }} * 60000000)
{%- endmacro %}

{# A local time of a zone as UTC; both without zone. #}
{% macro to_utc(local, zone) -%}
    timezone('UTC', timezone({{ zone }}, {{ local }}))
{%- endmacro %}

{# The start of the bucket a minute lies in, aligned to UTC. #}
{% macro bucket_of(minute, minutes) -%}
    make_timestamp(
        epoch_us({{ minute }}) // ({{ minutes }} * 60000000::bigint) * ({{ minutes }} * 60000000::bigint)
    )
{%- endmacro %}

{# One time for a whole build step, in UTC. #}
{% macro build_time() -%}
    now()::timestamp
{%- endmacro %}

{# The clock for completeness and retention. #}
{% macro as_of() -%}
    {%- if var('as_of') -%} timestamp '{{ var("as_of") }}' {%- else -%} now()::timestamp {%- endif -%}
{%- endmacro %}
