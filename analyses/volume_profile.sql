-- At which prices was the volume of a day traded, and where does the value area lie?
-- Each (exchange, symbol, day) is cut into 24 steps of price between its low and high; the value
-- area is the steps with the most volume that together hold 70 % of it.
with

ticks as (

    select * from {{ ref('market_ticks') }}

),

trades as (

    select
        exchange,
        symbol,
        timestamp::date as day,
        last_price::double as price,
        last_size::double as size
    from ticks
    where kind in ('trade', 'agg') and not is_busted and last_price > 0 and last_size > 0
    -- A day that has both says everything twice.
    qualify kind = max(kind) over (partition by exchange, symbol, timestamp::date)

),

ranges as (

    select
        exchange,
        symbol,
        day,
        min(price) as low,
        greatest((max(price) - min(price)) / 24, 1e-8) as step
    from trades
    group by exchange, symbol, day

),

levels as (

    select
        trades.exchange,
        trades.symbol,
        trades.day,
        least(floor((trades.price - ranges.low) / ranges.step), 23)::integer as level,
        any_value(ranges.low) as low,
        any_value(ranges.step) as step,
        sum(trades.size) as volume,
        count(*) as trades
    from trades
    inner join ranges
        on
            trades.exchange = ranges.exchange
            and trades.symbol = ranges.symbol
            and trades.day = ranges.day
    group by all

),

ranked as (

    select
        *,
        volume / sum(volume) over day_window as share,
        sum(volume) over (
            partition by exchange, symbol, day
            order by volume desc, level asc
            rows between unbounded preceding and 1 preceding
        ) / sum(volume) over day_window as share_of_busier_levels
    from levels
    window day_window as (partition by exchange, symbol, day)

),

final as (

    select
        exchange,
        symbol,
        day,
        round(low + level * step, 8) as price_from,
        round(low + (level + 1) * step, 8) as price_to,
        volume,
        trades,
        round(share, 4) as share,
        coalesce(share_of_busier_levels, 0) < 0.7 as is_value_area
    from ranked

)

select * from final
order by exchange, symbol, day, price_from
