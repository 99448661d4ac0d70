{# What a step keeps of its ticks; the arguments name the columns that say what a tick may set.
   A DECIMAL(38, 16) holds 22 digits before the point, enough for sizes below a million; the
   notional of larger ones is summed in two parts (docs/adr/0022). #}
{% macro step_aggregates(sets_last, sets_high_low, sets_volume) -%}
    count(*) as tick_count,
    {{ first_traded('price', sets_last ~ ' > 0') }} as open,
    {{ last_traded('price', sets_last ~ ' = 2') }} as close,
    max(price) filter (where {{ sets_high_low }}) as high,
    min(price) filter (where {{ sets_high_low }}) as low,
    coalesce(sum(size) filter (where {{ sets_volume }}), 0)::decimal(38, 8) as volume,
    count(*) filter (where {{ sets_volume }}) as trade_count,
    sum(price::decimal(20, 8) * size)
        filter (where {{ sets_volume }} and size < 1000000) as small_notional,
    sum(floor(price::decimal(20, 8) * size)::hugeint)
        filter (where {{ sets_volume }} and size >= 1000000) as large_notional_whole,
    sum(price::decimal(20, 8) * size - floor(price::decimal(20, 8) * size))
        filter (where {{ sets_volume }} and size >= 1000000) as large_notional_fraction
{%- endmacro %}
