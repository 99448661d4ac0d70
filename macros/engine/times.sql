{# Times are UTC without zone in both engines; Spark's sessions make that its TIMESTAMP, too
   (profiles.yml). #}

{# The minute a time lies in, as an integer: groups faster than any timestamp. #}
{% macro minute_number(column) -%} {{ return(adapter.dispatch('minute_number')(column)) }} {%- endmacro %}

{% macro default__minute_number(column) -%} epoch_us({{ column }}) // 60000000 {%- endmacro %}

{% macro spark__minute_number(column) -%} unix_micros({{ column }}) div 60000000 {%- endmacro %}

{# The time at which a minute begins, from its number. #}
{% macro minute_at(number) -%} {{ return(adapter.dispatch('minute_at')(number)) }} {%- endmacro %}

{% macro default__minute_at(number) -%} make_timestamp({{ number }} * 60000000) {%- endmacro %}

{% macro spark__minute_at(number) -%} timestamp_micros({{ number }} * 60000000)::timestamp {%- endmacro %}

{% macro minute_of(column) -%} {{ minute_at('(' ~ minute_number(column) ~ ')') }} {%- endmacro %}

{# Microseconds since 1970. #}
{% macro microseconds(column) -%} {{ return(adapter.dispatch('microseconds')(column)) }} {%- endmacro %}

{% macro default__microseconds(column) -%} epoch_us({{ column }}) {%- endmacro %}

{% macro spark__microseconds(column) -%} unix_micros({{ column }}) {%- endmacro %}

{# A local time of a zone as UTC; both without zone. Of a local time that comes twice the later one,
   one that is left out is as long after the gap as it would be after its start. #}
{% macro to_utc(local, zone) -%} {{ return(adapter.dispatch('to_utc')(local, zone)) }} {%- endmacro %}

{% macro default__to_utc(local, zone) -%} timezone('UTC', timezone({{ zone }}, {{ local }})) {%- endmacro %}

{# Spark takes the earlier one of two: it is an hour later where that hour shows the same time. #}
{% macro spark__to_utc(local, zone) -%}
    {%- set earlier = "convert_timezone(" ~ zone ~ ", 'UTC', " ~ local ~ ")" -%}
    {%- set later = "(" ~ earlier ~ " + interval 1 hour)" -%}
    case
        when convert_timezone('UTC', {{ zone }}, {{ later }}) = {{ local }} then {{ later }}
        else {{ earlier }}
    end
{%- endmacro %}

{# A time in UTC as the local time of a zone; both without zone. #}
{% macro to_local(time, zone) -%} {{ return(adapter.dispatch('to_local')(time, zone)) }} {%- endmacro %}

{% macro default__to_local(time, zone) -%} timezone({{ zone }}, timezone('UTC', {{ time }})) {%- endmacro %}

{% macro spark__to_local(time, zone) -%} convert_timezone('UTC', {{ zone }}, {{ time }}) {%- endmacro %}

{# A date and a time of day. #}
{% macro at_time(date, time) -%} {{ return(adapter.dispatch('at_time')(date, time)) }} {%- endmacro %}

{% macro default__at_time(date, time) -%} {{ date }} + {{ time }} {%- endmacro %}

{% macro spark__at_time(date, time) -%} make_timestamp_ntz({{ date }}, {{ time }}) {%- endmacro %}

{# A length of time in minutes. #}
{% macro minutes_long(number) -%} {{ return(adapter.dispatch('minutes_long')(number)) }} {%- endmacro %}

{% macro default__minutes_long(number) -%} to_minutes({{ number }}) {%- endmacro %}

{% macro spark__minutes_long(number) -%} make_dt_interval(0, 0, {{ number }}, 0) {%- endmacro %}

{# The list of dates from the first to the last. #}
{% macro days_from(first, last) -%} {{ return(adapter.dispatch('days_from')(first, last)) }} {%- endmacro %}

{% macro default__days_from(first, last) -%}
    generate_series({{ first }}, {{ last }}, interval 1 day)::date[]
{%- endmacro %}

{% macro spark__days_from(first, last) -%} sequence({{ first }}, {{ last }}, interval 1 day) {%- endmacro %}

{# The list of starts of the buckets from one time to before another. #}
{% macro buckets_from(first, until, minutes) -%} {{ return(adapter.dispatch('buckets_from')(first, until, minutes)) }} {%- endmacro %}

{% macro default__buckets_from(first, until, minutes) -%}
    generate_series(
        {{ first }}, {{ until }} - to_minutes({{ minutes }}), to_minutes({{ minutes }})
    )
{%- endmacro %}

{% macro spark__buckets_from(first, until, minutes) -%}
    case
        when {{ first }} < {{ until }}
            then
                sequence(
                    {{ first }},
                    {{ until }} - {{ minutes_long(minutes) }},
                    {{ minutes_long(minutes) }}
                )
    end
{%- endmacro %}

{# The start of the bucket a minute lies in, aligned to UTC. #}
{% macro bucket_of(minute, minutes) -%} {{ return(adapter.dispatch('bucket_of')(minute, minutes)) }} {%- endmacro %}

{% macro default__bucket_of(minute, minutes) -%}
    make_timestamp(
        epoch_us({{ minute }}) // ({{ minutes }} * 60000000::bigint) * ({{ minutes }} * 60000000::bigint)
    )
{%- endmacro %}

{% macro spark__bucket_of(minute, minutes) -%}
    timestamp_micros(
        unix_micros({{ minute }}) div ({{ minutes }} * 60000000L) * ({{ minutes }} * 60000000L)
    )::timestamp
{%- endmacro %}

{# One time for a whole build step, in UTC. #}
{% macro build_time() -%} now()::timestamp {%- endmacro %}

{# The clock for completeness and retention. #}
{% macro as_of() -%}
    {%- if var('as_of') -%} timestamp '{{ var("as_of") }}' {%- else -%} now()::timestamp {%- endif -%}
{%- endmacro %}

{# That clock, no further than the newest moment that has landed: what is moved by time is never ahead
   of the data, whose next rows would come too late. `landings`: relation or CTE. #}
{% macro landed_until(landings) -%}
    least({{ as_of() }}, (select max(landings.max_timestamp) from {{ landings }} as landings))
{%- endmacro %}
