-- Volume and trades of every bar, from 1m to 1d, are those of the steps in its time; of a regular
-- day those of its session and of its auctions.
with

bars as (

    select * from {{ ref('ohlcv_bars') }}
    where
        {{ is_unproven('timestamp') }}
        and {{ is_unproven('(ends_at - interval 1 microsecond)') }}

),

timeframes as (

    select * from {{ ref('stg_timeframes') }}

),

trading_days as (

    select * from {{ ref('int_trading_day_dates') }}

),

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
    from {{ ref('int_minute_bars_selected') }}
    where {{ is_unproven('minute') }}
    group by all

),

intraday_parts as (

    select
        steps.exchange,
        steps.symbol,
        timeframes.timeframe,
        {{ bucket_of('steps.minute', 'timeframes.minutes') }} as timestamp,
        steps.volume,
        steps.trade_count
    from steps
    inner join timeframes on timeframes.minutes < 1440

),

daily_parts as (

    select
        steps.exchange,
        steps.symbol,
        timeframes.timeframe,
        trading_days.starts_at as timestamp,
        steps.daily_volume,
        steps.daily_count,
        steps.auction_volume,
        steps.auction_count,
        trading_days.daily_bars = 'all'
        or (
            steps.minute >= trading_days.opens_at
            and steps.minute < trading_days.closes_at
        ) as is_in_session
    from steps
    inner join timeframes on timeframes.minutes = 1440
    inner join trading_days
        on
            steps.exchange = trading_days.exchange
            and steps.minute::date = trading_days.date
            and steps.minute >= trading_days.starts_at
            and steps.minute < trading_days.ends_at

),

parts as (

    select * from intraday_parts
    union all
    select
        exchange,
        symbol,
        timeframe,
        timestamp,
        case when is_in_session then daily_volume else auction_volume end as volume,
        case when is_in_session then daily_count else auction_count end as trade_count
    from daily_parts

),

sums as (

    select
        exchange,
        symbol,
        timeframe,
        timestamp,
        sum(volume) as volume,
        sum(trade_count) as trade_count
    from parts
    group by all

)

select
    bars.*,
    sums.volume as volume_of_steps,
    sums.trade_count as trades_of_steps
from bars
left join sums
    on
        bars.exchange = sums.exchange
        and bars.symbol = sums.symbol
        and bars.timeframe = sums.timeframe
        and bars.timestamp = sums.timestamp
where
    (bars.volume, bars.trade_count)
    is distinct from (sums.volume::decimal(38, 8), sums.trade_count::integer)
