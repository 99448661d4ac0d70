{# What a step keeps of its ticks; the arguments name the columns that say what a tick may set.
   A DECIMAL(38, 16) holds 22 digits before the point, enough for sizes below a million; the
   notional of larger ones is summed in two parts (docs/adr/0022). CASE and not FILTER, since FILTER
   computes its argument for every row. #}
{% macro step_aggregates(sets_last, sets_high_low, sets_volume) -%}
    count(*) as tick_count,
    {{ first_traded('price', sets_last ~ ' > 0') }} as open,
    {{ last_traded('price', sets_last ~ ' = 2') }} as close,
    max(case when {{ sets_high_low }} then price end) as high,
    min(case when {{ sets_high_low }} then price end) as low,
    coalesce(sum(case when {{ sets_volume }} then size end), 0)::decimal(38, 8) as volume,
    count(case when {{ sets_volume }} then 1 end) as trade_count,
    sum(case when {{ sets_volume }} and size < 1000000 then price::decimal(20, 8) * size end)
        as small_notional,
    sum(
        case
            when {{ sets_volume }} and size >= 1000000
                then floor(price::decimal(20, 8) * size)::hugeint
        end
    ) as large_notional_whole,
    sum(
        case
            when {{ sets_volume }} and size >= 1000000
                then price::decimal(20, 8) * size - floor(price::decimal(20, 8) * size)
        end
    ) as large_notional_fraction
{%- endmacro %}
