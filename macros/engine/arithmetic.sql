{# Halfway between two DECIMAL(18, 8), rounded half up: exact, where `/` would give a DOUBLE. NULL
   unless both are above zero. #}
{% macro mid_price(bid, ask) -%}
    case
        when {{ bid }} > 0 and {{ ask }} > 0
            then (({{ bid }}::decimal(20, 8) + {{ ask }}) * 0.5)::decimal(18, 8)
    end
{%- endmacro %}

{# 63 bits of the md5 of the natural key: stable, unlike hash(). #}
{% macro stable_id(columns) -%}
    {{ return(adapter.dispatch('stable_id')(columns)) }}
{%- endmacro %}

{% macro default__stable_id(columns) -%}
    (md5_number_lower(concat_ws(chr(31), {{ columns | join(', ') }})) >> 1)::bigint
{%- endmacro %}

{# notional / volume rounded half up (away from zero) at 8 decimals, NULL when volume is 0. Long
   division in integers, base 10^8: the notional in units of 1e-16 may pass 128 bits. #}
{% macro vwap(whole, fraction, volume) -%}
    {{ return(adapter.dispatch('vwap')(whole, fraction, volume)) }}
{%- endmacro %}

{% macro default__vwap(whole, fraction, volume) -%}
    {%- set negative = "(" ~ whole ~ " + floor(" ~ fraction ~ ")::hugeint < 0)" -%}
    {%- set part = "(" ~ fraction ~ " - floor(" ~ fraction ~ "))" -%}
    {%- set units = "(" ~ part ~ " * 10000000000000000)::hugeint" -%}
    {%- set floored = "(" ~ whole ~ " + floor(" ~ fraction ~ ")::hugeint)" -%}
    {#- the magnitude, as wholes and units of 1e-16 -#}
    {%- set wholes = "(case when " ~ negative ~ " then -" ~ floored ~ " - (" ~ part ~ " > 0)::integer"
        ~ " else " ~ floored ~ " end)" -%}
    {%- set rest = "(case when " ~ negative ~ " and " ~ part ~ " > 0 then 10000000000000000 - "
        ~ units ~ " else " ~ units ~ " end)" -%}
    {%- set size = "nullif((" ~ volume ~ " * 100000000)::hugeint, 0)" -%}
    {%- set base = "100000000" -%}
    {%- set second = "(" ~ wholes ~ " % " ~ size ~ " * " ~ base ~ " + " ~ rest ~ " // " ~ base ~ ")" -%}
    {%- set third = "(" ~ second ~ " % " ~ size ~ " * " ~ base ~ " + " ~ rest ~ " % " ~ base ~ ")" -%}
    (
        (case when {{ negative }} then -1 else 1 end)
        * (
            {{ wholes }} // {{ size }} * 10000000000000000
            + {{ second }} // {{ size }} * {{ base }}
            + {{ third }} // {{ size }}
            + ({{ third }} % {{ size }} * 2 >= {{ size }})::integer
        )::decimal(20, 0)
        * 0.00000001
    )::decimal(18, 8)
{%- endmacro %}
