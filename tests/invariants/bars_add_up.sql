-- Volume and trades of a symbol add up to the same at every intraday timeframe, apart from minutes
-- in which no trade set a price; with steps counted instead of bars they are the same everywhere.
with

steps as (

    select
        exchange,
        symbol,
        time_bucket(interval 1 hour, minute) as hour,
        sum(volume) as volume,
        sum(trade_count) as trade_count
    from {{ ref('int_counted_steps') }}
    where scope = 'intraday'
    group by all

),

hours as (

    select * from {{ ref('ohlcv_bars') }}
    where timeframe = '1h'

)

select
    hours.bar_id,
    hours.volume,
    steps.volume as volume_of_steps
from hours
left join steps
    on
        hours.exchange = steps.exchange
        and hours.symbol = steps.symbol
        and hours.timestamp = steps.hour
where
    (hours.volume, hours.trade_count)
    is distinct from (steps.volume::decimal(38, 8), steps.trade_count::integer)
