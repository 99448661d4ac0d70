{# Halfway between two DECIMAL(18, 8), with a decimal more than they: exact, where `/` would give a
   DOUBLE. NULL unless both are above zero. #}
{% macro mid_price(bid, ask) -%}
    case
        when {{ bid }} > 0 and {{ ask }} > 0
            then ({{ bid }}::decimal(20, 8) + {{ ask }}) * 0.5
    end
{%- endmacro %}

{# 63 bits of the md5 of the natural key: stable, unlike hash(). (The bits of md5_number_lower, which is
   a macro that takes them by way of a text.) #}
{% macro stable_id(columns, between='chr(31)') -%}
    {{ return(adapter.dispatch('stable_id')(columns, between)) }}
{%- endmacro %}

{% macro default__stable_id(columns, between) -%}
    (md5_number(concat_ws({{ between }}, {{ columns | join(', ') }})) >> 65)::bigint
{%- endmacro %}

{# DuckDB counts the two halves of the md5 as little-endian numbers. #}
{% macro spark__stable_id(columns, between) -%}
    {%- set digest = "md5(concat_ws(" ~ between ~ ", " ~ columns | join(', ') ~ "))" -%}
    shiftrightunsigned(
        cast(
            conv(
                concat(
                    {%- for byte in range(31, 15, -2) %}
                    substring({{ digest }}, {{ byte }}, 2){{ "," if not loop.last }}
                    {%- endfor %}
                ),
                16,
                -10
            ) as bigint
        ),
        1
    )
{%- endmacro %}

{# The type of the largest whole numbers. #}
{% macro whole_number() -%} {{ return(adapter.dispatch('whole_number')()) }} {%- endmacro %}

{% macro default__whole_number() -%} hugeint {%- endmacro %}

{% macro spark__whole_number() -%} decimal(38, 0) {%- endmacro %}

{# A text as a whole number where it is one, else NULL. #}
{% macro as_number(text) -%} {{ return(adapter.dispatch('as_number')(text)) }} {%- endmacro %}

{% macro default__as_number(text) -%} try_cast({{ text }} as hugeint) {%- endmacro %}

{# DuckDB reads 1_000 as 1000. #}
{% macro spark__as_number(text) -%}
    try_cast(regexp_replace({{ text }}, '(?<=[0-9])_(?=[0-9])', '') as decimal(38, 0))
{%- endmacro %}

{# notional / volume rounded half up (away from zero) at 8 decimals, NULL when volume is 0. Dividing 128-bit
   integers is the dearest thing in a bar, so of positive figures of common size the quotient is guessed
   (vwap_guess, a column of the relation), and what the guess leaves over is looked at exactly: below
   10^6 a DOUBLE is off by less than half a unit, so that the guess or the unit beside it is the answer
   (docs/adr/0020). All others go by long division. #}
{% macro vwap(whole, fraction, volume, guess) -%} {{ return(adapter.dispatch('vwap')(whole, fraction, volume, guess)) }} {%- endmacro %}

{% macro default__vwap(whole, fraction, volume, guess) -%}
    {%- set notional = "(" ~ whole ~ "::decimal(37, 16) + " ~ fraction ~ ")" -%}
    {%- set rest = "(" ~ notional ~ " - " ~ guess ~ "::decimal(20, 8) * " ~ volume ~ "::decimal(18, 8))" -%}
    {%- set unit = "(" ~ volume ~ "::decimal(18, 8) * 0.00000001)" -%}
    case
        when {{ volume }} = 0 then null
        when {{ guess }} < 1000000
            then
                (
                    {{ guess }}
                    + case
                        when {{ rest }} * 2 >= {{ unit }} then 0.00000001
                        when {{ rest }} * 2 < -{{ unit }} then -0.00000001
                        else 0
                    end
                )::decimal(18, 8)
        else ({{ long_division(whole, fraction, volume) }}::decimal(20, 0) * 0.00000001)::decimal(18, 8)
    end
{%- endmacro %}

{# The quotient as a DOUBLE, cut to 8 decimals; NULL where it is not to be relied on. #}
{% macro vwap_guess(whole, fraction, volume) -%} {{ return(adapter.dispatch('vwap_guess')(whole, fraction, volume)) }} {%- endmacro %}

{% macro default__vwap_guess(whole, fraction, volume) -%}
    case
        when {{ whole }} >= 0 and {{ fraction }} >= 0 and {{ volume }} < 10000000000
            then
                try_cast(
                    ({{ whole }}::double + {{ nearly(fraction) }}) / {{ volume }}::double
                    as decimal(18, 8)
                )
    end
{%- endmacro %}

{# A DECIMAL as a DOUBLE. Above 2^53 units DuckDB's cast divides 128-bit integers, 0.7 microseconds a
   value; the mean of one value does not. #}
{% macro nearly(number) -%} list_avg([{{ number }}]) {%- endmacro %}

{# The same for figures of any size, in integers of base 10^8; in units of 1e-8. DuckDB plans an expression
   as often as it is written: each step is written once. #}
{% macro long_division(whole, fraction, volume) -%}
    {%- set base = "100000000" -%}
    list_transform(
        [{
            'floored': {{ whole }} + floor({{ fraction }})::hugeint,
            'units': (({{ fraction }} - floor({{ fraction }})) * 10000000000000000)::hugeint,
            'size': nullif(({{ volume }} * 100000000)::hugeint, 0)
        }],
        lambda given: list_transform(
            [{#- the magnitude, as wholes and units of 1e-16 #}{
                'wholes': if(given.floored < 0, -given.floored - (given.units > 0)::integer, given.floored),
                'rest': if(
                    given.floored < 0 and given.units > 0, 10000000000000000 - given.units, given.units
                )
            }],
            lambda first: list_transform(
                [first.wholes % given.size * {{ base }} + first.rest // {{ base }}],
                lambda second: list_transform(
                    [second % given.size * {{ base }} + first.rest % {{ base }}],
                    lambda third: if(given.floored < 0, -1, 1) * (
                        first.wholes // given.size * 10000000000000000
                        + second // given.size * {{ base }}
                        + third // given.size
                        + (third % given.size * 2 >= given.size)::integer
                    )
                )[1]
            )[1]
        )[1]
    )[1]
{%- endmacro %}

{# There is no use for a guess. #}
{% macro spark__vwap_guess(whole, fraction, volume) -%} cast(null as decimal(18, 8)) {%- endmacro %}

{# Long division, always, in DECIMAL(38, 0). Spark's division rounds, so only what divides without a rest is
   divided. #}
{% macro spark__vwap(whole, fraction, volume, guess) -%}
    {%- set big = "decimal(38, 0)" -%}
    {%- set floored = "(" ~ whole ~ " + floor(" ~ fraction ~ ")::" ~ big ~ ")" -%}
    {%- set negative = "(" ~ floored ~ " < 0)" -%}
    {%- set part = "(" ~ fraction ~ " - floor(" ~ fraction ~ "))" -%}
    {%- set units = "(" ~ part ~ " * 10000000000000000)::decimal(20, 0)" -%}
    {%- set wholes = "(case when " ~ negative ~ " then -" ~ floored ~ " - (" ~ part ~ " > 0)::integer"
        ~ " else " ~ floored ~ " end)::" ~ big -%}
    {%- set rest = "(case when " ~ negative ~ " and " ~ part ~ " > 0 then 10000000000000000 - "
        ~ units ~ " else " ~ units ~ " end)::decimal(20, 0)" -%}
    {%- set size = "nullif((" ~ volume ~ " * 100000000)::" ~ big ~ ", 0)" -%}
    {%- set base = "100000000" -%}
    {%- set second = "((" ~ wholes ~ " % " ~ size ~ ") * " ~ base ~ " + "
        ~ spark_quotient(rest, base) ~ ")::" ~ big -%}
    {%- set third = "((" ~ second ~ " % " ~ size ~ ") * " ~ base ~ " + " ~ rest ~ " % " ~ base ~ ")::" ~ big -%}
    (
        (case when {{ negative }} then -1 else 1 end)
        * (
            {{ spark_quotient(wholes, size) }} * 10000000000000000
            + {{ spark_quotient(second, size) }} * {{ base }}
            + {{ spark_quotient(third, size) }}
            + (({{ third }} % {{ size }}) * 2 >= {{ size }})::integer
        )::decimal(28, 0)
        * 0.00000001
    )::decimal(18, 8)
{%- endmacro %}

{% macro spark_quotient(number, divisor) -%}
    (({{ number }} - {{ number }} % {{ divisor }}) / {{ divisor }})::decimal(20, 0)
{%- endmacro %}
