-- Which bars a build may have changed: those around a step that was made anew, and where trades came to
-- a day of aggregate trades, or the other way round, all of that day.
with

steps as (

    select * from {{ ref('int_bar_steps') }}

),

mixed_days as (

    select * from {{ ref('int_mixed_days') }}

),

timeframes as (

    select * from {{ ref('stg_timeframes') }}

),

trading_days as (

    select * from {{ ref('int_trading_day_dates') }}

),

rebuilt_mixed_days as (

    select
        steps.exchange,
        steps.symbol,
        mixed_days.date,
        max(steps.built_batch_id) as built_batch_id
    from steps
    inner join mixed_days
        on
            steps.exchange = mixed_days.exchange
            and steps.symbol = mixed_days.symbol
            and steps.minute::date = mixed_days.date
    group by
        steps.exchange,
        steps.symbol,
        mixed_days.date

),

minutes as (

    select
        exchange,
        symbol,
        minute,
        built_batch_id
    from steps
    union all
    select
        steps.exchange,
        steps.symbol,
        steps.minute,
        rebuilt_mixed_days.built_batch_id
    from steps
    inner join rebuilt_mixed_days
        on
            steps.exchange = rebuilt_mixed_days.exchange
            and steps.symbol = rebuilt_mixed_days.symbol
            and steps.minute::date = rebuilt_mixed_days.date

),

final as (

    select
        minutes.exchange,
        minutes.symbol,
        timeframes.timeframe,
        {{ bucket_of('minutes.minute', 'timeframes.minutes') }} as timestamp,
        minutes.minute,
        minutes.built_batch_id
    from minutes
    cross join timeframes
    where timeframes.minutes < 1440
    union all
    select
        minutes.exchange,
        minutes.symbol,
        timeframes.timeframe,
        trading_days.starts_at as timestamp,
        minutes.minute,
        minutes.built_batch_id
    from minutes
    inner join timeframes on timeframes.minutes = 1440
    inner join trading_days
        on
            minutes.exchange = trading_days.exchange
            and minutes.minute::date = trading_days.date
            and minutes.minute >= trading_days.starts_at
            and minutes.minute < trading_days.ends_at

)

select * from final
