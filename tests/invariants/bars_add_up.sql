-- Volume and trades of every bar, from 1m to 1d, are those of the steps in its time; of a regular
-- day those of its session and of its auctions.
with

steps as (

    select
        exchange,
        symbol,
        minute,
        coalesce(
            max(volume) filter (where scope = 'daily'),
            max(volume) filter (where scope = 'intraday')
        ) as daily_volume,
        coalesce(
            max(trade_count) filter (where scope = 'daily'),
            max(trade_count) filter (where scope = 'intraday')
        ) as daily_count,
        max(volume) filter (where scope = 'auction') as auction_volume,
        max(trade_count) filter (where scope = 'auction') as auction_count,
        max(volume) filter (where scope = 'intraday') as volume,
        max(trade_count) filter (where scope = 'intraday') as trade_count
    from {{ ref('int_counted_steps') }}
    group by all

),

bars as (

    select * from {{ ref('ohlcv_bars') }}

),

intraday as (

    select
        bars.bar_id,
        bars.volume,
        bars.trade_count,
        sum(steps.volume) as volume_of_steps,
        sum(steps.trade_count) as trades_of_steps
    from bars
    left join steps
        on
            bars.exchange = steps.exchange
            and bars.symbol = steps.symbol
            and bars.timestamp <= steps.minute
            and bars.ends_at > steps.minute
    where bars.trading_date is null
    group by all

),

daily as (

    select
        bars.bar_id,
        bars.volume,
        bars.trade_count,
        sum(
            case
                when
                    days.daily_bars = 'all'
                    or (steps.minute >= days.opens_at and steps.minute < days.closes_at)
                    then steps.daily_volume
                else steps.auction_volume
            end
        ) as volume_of_steps,
        sum(
            case
                when
                    days.daily_bars = 'all'
                    or (steps.minute >= days.opens_at and steps.minute < days.closes_at)
                    then steps.daily_count
                else steps.auction_count
            end
        ) as trades_of_steps
    from bars
    inner join {{ ref('int_trading_days') }} as days
        on
            bars.exchange = days.exchange
            and bars.trading_date = days.trading_date
    left join steps
        on
            bars.exchange = steps.exchange
            and bars.symbol = steps.symbol
            and bars.timestamp <= steps.minute
            and bars.ends_at > steps.minute
    group by all

),

compared as (

    select * from intraday
    union all
    select * from daily

)

select *
from compared
where
    (volume, trade_count)
    is distinct from (volume_of_steps::decimal(38, 8), trades_of_steps::integer)
