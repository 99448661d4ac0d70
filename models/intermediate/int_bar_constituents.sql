-- Each step once for every bar that it is a part of. A day takes the daily rules of a minute where
-- they differ, and of an exchange with regular days only the session and the prints of its
-- auctions. (The steps are imported twice: DuckDB would keep all of them for a CTE that is named
-- twice.)
with

intraday_steps as (

    select * from {{ ref('int_minute_bars_selected') }}
    where scope = 'intraday'

),

steps as (

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
        intraday_steps.*,
        timeframes.timeframe,
        timeframes.minutes,
        {{ bucket_of('intraday_steps.minute', 'timeframes.minutes') }} as timestamp,
        {{ minutes_long('timeframes.minutes') }} as length,
        null::date as trading_date
    from intraday_steps
    cross join timeframes
    where timeframes.minutes < 1440

),

daily as (

    select
        steps.*,
        timeframes.timeframe,
        timeframes.minutes,
        trading_days.starts_at as timestamp,
        trading_days.ends_at - trading_days.starts_at as length,
        trading_days.trading_date
    from steps
    inner join timeframes on timeframes.minutes = 1440
    inner join trading_days
        on
            steps.exchange = trading_days.exchange
            and steps.minute::date = trading_days.date
            and steps.minute >= trading_days.starts_at
            and steps.minute < trading_days.ends_at
    left join own_rules
        on
            steps.exchange = own_rules.exchange
            and steps.symbol = own_rules.symbol
            and steps.kind = own_rules.kind
            and steps.minute = own_rules.minute
            and steps.scope = 'intraday'
    where
        own_rules.minute is null
        and (steps.scope = 'auction') = (
            trading_days.daily_bars = 'regular'
            and (
                steps.minute >= trading_days.opens_at
                and steps.minute < trading_days.closes_at
            ) is not true
        )

),

final as (

    select * from intraday
    union all
    select * from daily

)

select * from final
