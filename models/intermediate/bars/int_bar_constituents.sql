-- Each step once for every bar that it is a part of. A day takes the daily rules of a minute where
-- they differ, and of an exchange with regular days only the session and the prints of its
-- auctions. (The selected are imported twice: DuckDB would keep all of them for a CTE that is named
-- twice.)
with

intraday_minutes as (

    select * from {{ ref('int_minute_bars_selected') }}
    where scope = 'intraday'

),

selected as (

    select * from {{ ref('int_minute_bars_selected') }}

),

own_rules as (

    select * from {{ ref('int_minute_bars_daily') }}
    where scope = 'daily'

),

timeframes as (

    select * from {{ ref('stg_timeframes') }}

),

trading_days as (

    select * from {{ ref('int_trading_day_dates') }}

),

intraday as (

    select
        intraday_minutes.*,
        timeframes.timeframe,
        timeframes.minutes,
        {{ bucket_of('intraday_minutes.minute', 'timeframes.minutes') }} as timestamp,
        {{ minutes_long('timeframes.minutes') }} as length,
        null::date as trading_date
    from intraday_minutes
    cross join timeframes
    where timeframes.minutes < 1440

),

daily as (

    select
        selected.*,
        timeframes.timeframe,
        timeframes.minutes,
        trading_days.starts_at as timestamp,
        trading_days.ends_at - trading_days.starts_at as length,
        trading_days.trading_date
    from selected
    inner join timeframes on timeframes.minutes = 1440
    inner join trading_days
        on
            selected.exchange = trading_days.exchange
            and selected.minute::date = trading_days.date
            and selected.minute >= trading_days.starts_at
            and selected.minute < trading_days.ends_at
    left join own_rules
        on
            selected.exchange = own_rules.exchange
            and selected.symbol = own_rules.symbol
            and selected.kind = own_rules.kind
            and selected.minute = own_rules.minute
            and selected.scope = 'intraday'
    where
        own_rules.minute is null
        and (selected.scope = 'auction') = (
            trading_days.daily_bars = 'regular'
            and (
                selected.minute >= trading_days.opens_at
                and selected.minute < trading_days.closes_at
            ) is not true
        )

),

final as (

    select * from intraday
    union all
    select * from daily

)

select * from final
