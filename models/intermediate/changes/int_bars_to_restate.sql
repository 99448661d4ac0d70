{{ config(materialized='table', meta={'chain': 'bars'}) }}

-- Bars around a minute that changed since all of the chain was built. Where trades came to a day of
-- aggregate trades, or the other way round, all minutes of the day count differently.
with

minute_bars as (

    select * from {{ ref('int_minute_bars') }}

),

minute_bars_daily as (

    select * from {{ ref('int_minute_bars_daily') }}

),

vanished_rows as (

    select * from {{ ref('stg_vanished_rows') }}
    where relation in ('int_minute_bars', 'int_minute_bars_daily')

),

mixed_days as (

    select * from {{ ref('int_days_with_trades_and_aggregates') }}

),

timeframes as (

    select * from {{ ref('stg_timeframes') }}

),

trading_days as (

    select * from {{ ref('int_trading_day_dates') }}

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain = 'bars'

),

changed_days as (

    select
        exchange,
        symbol,
        date
    from mixed_days
    where built_run > (select built.run_number from built)

),

minutes as (

    select
        exchange,
        symbol,
        minute
    from minute_bars
    where built_run > (select built.run_number from built)
    union
    select
        exchange,
        symbol,
        minute
    from minute_bars_daily
    where built_run > (select built.run_number from built)
    union
    select
        exchange,
        symbol,
        vanished_at as minute
    from vanished_rows
    where run_number > (select built.run_number from built)
    union
    select
        minute_bars.exchange,
        minute_bars.symbol,
        minute_bars.minute
    from minute_bars
    semi join changed_days
        on
            minute_bars.exchange = changed_days.exchange
            and minute_bars.symbol = changed_days.symbol
            and minute_bars.minute::date = changed_days.date

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

)

select * from final
