-- At which hours (UTC) is each instrument traded, on average over its days?
with

bars as (

    select *
    from {{ ref('ohlcv_bars') }}
    where timeframe = '1h'

),

days as (

    select
        exchange,
        symbol,
        count(distinct timestamp::date) as days,
        sum(volume) as volume
    from bars
    group by exchange, symbol

),

final as (

    select
        bars.exchange,
        bars.symbol,
        extract('hour' from bars.timestamp) as hour_utc,
        round(sum(bars.volume)::double / any_value(days.days), 8) as volume_per_day,
        round(sum(bars.volume)::double / any_value(days.volume)::double, 4) as share,
        sum(bars.trade_count) as trades,
        round(avg((bars.high - bars.low) / nullif(bars.low, 0)) * 10000, 2) as mean_range_bps
    from bars
    inner join days
        on
            bars.exchange = days.exchange
            and bars.symbol = days.symbol
    group by bars.exchange, bars.symbol, hour_utc

)

select * from final
order by exchange, symbol, hour_utc
