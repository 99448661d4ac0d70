{# What a step keeps of its ticks besides the order of their prices; the arguments name the columns that
   say what a tick may set. A DECIMAL(38, 16) holds 22 digits before the point, enough for sizes below
   a million; see large_notional for the others (docs/adr/0020). CASE and not FILTER, here and in
   int_minute_bars, since FILTER computes its argument for every row and copies it. #}
{% macro step_sums(sets_high_low, sets_volume) -%}
    max(case when {{ sets_high_low }} then price end) as high,
    min(case when {{ sets_high_low }} then price end) as low,
    coalesce(sum(case when {{ sets_volume }} then size end), 0)::decimal(38, 8) as volume,
    count(case when {{ sets_volume }} then 1 end) as trade_count,
    sum(case when {{ sets_volume }} and size < 1000000 then price::decimal(20, 8) * size end)
        as small_notional
{%- endmacro %}

{# Open and close in the whole trade order, and the notional of sizes from a million on. #}
{% macro exact_first_last(sets_last, sets_volume) -%}
    {%- set is_large = sets_volume ~ " and size >= 1000000" -%}
    {%- set notional = "price::decimal(20, 8) * size" -%}
    {{ first_traded('price', sets_last ~ ' > 0') }} as open,
    {{ last_traded('price', sets_last ~ ' = 2') }} as close,
    coalesce(sum(case when {{ is_large }} then floor({{ notional }})::{{ whole_number() }} end), 0)
        as large_notional_whole,
    coalesce(sum(case when {{ is_large }} then {{ notional }} - floor({{ notional }}) end), 0)
        as large_notional_fraction
{%- endmacro %}

{# The notional of small and large sizes in two parts that add up to it: sums of the second one stay far
   from the type's limit. Cutting a number of 128 bits in two is dear, so it is done where it must be. #}
{% macro notional_parts() -%}
    {%- set is_common = "coalesce(abs(small_notional) < 1000000000, true)" -%}
    (case when {{ is_common }} then 0 else floor(small_notional)::{{ whole_number() }} end + large_notional_whole)
    ::{{ whole_number() }} as notional_whole,
    (
        case
            when {{ is_common }} then coalesce(small_notional, 0)
            else small_notional - floor(small_notional)
        end + large_notional_fraction
    )::decimal(38, 16) as notional_fraction
{%- endmacro %}
