-- Bars around a minute that changed since all of the chain was built, and those of days that came
-- back from the archive.
with

changed_minutes as (

    select * from {{ ref('int_changed_minutes') }}
    where chain = 'bars'

),

minute_bars as (

    select * from {{ ref('int_minute_bars') }}

),

restored_days as (

    select * from {{ ref('int_restored_days') }}
    where
        chain = 'bars'
        and relation = 'ohlcv_bars'

),

cold_bars as (

    select * from {{ cold_rows('ohlcv_bars') }}

),

timeframes as (

    select * from {{ ref('stg_timeframes') }}

),

trading_days as (

    select * from {{ ref('int_trading_day_dates') }}

),

minutes as (

    select
        exchange,
        symbol,
        minute
    from changed_minutes
    union
    -- A day's last bar may end in the next one.
    select
        minute_bars.exchange,
        minute_bars.symbol,
        minute_bars.minute
    from minute_bars
    inner join restored_days
        on minute_bars.minute::date between restored_days.date and restored_days.date + 1

),

intraday as (

    select distinct
        minutes.exchange,
        minutes.symbol,
        timeframes.timeframe,
        {{ bucket_of('minutes.minute', 'timeframes.minutes') }} as timestamp
    from minutes
    inner join timeframes on timeframes.minutes < 1440

),

daily as (

    select distinct
        minutes.exchange,
        minutes.symbol,
        timeframes.timeframe,
        trading_days.starts_at as timestamp
    from minutes
    inner join timeframes on timeframes.minutes = 1440
    inner join trading_days
        on
            minutes.exchange = trading_days.exchange
            and minutes.minute::date = trading_days.date
            and minutes.minute >= trading_days.starts_at
            and minutes.minute < trading_days.ends_at

),

final as (

    select * from intraday
    union
    select * from daily
    union
    select
        exchange,
        symbol,
        timeframe,
        timestamp
    from cold_bars
    where date in (select restored_days.date from restored_days)

)

select * from final
