-- Which bars a build may have changed: those around a step that was made anew, and where trades
-- came to a day of aggregate trades, or the other way round, all of that day. (Nothing big is
-- named twice: DuckDB would keep all of it.)
with

rebuilt_steps as (

    select * from {{ ref('int_minute_bars') }}

),

steps as (

    select * from {{ ref('int_minute_bars') }}

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

mixed_minutes as (

    select
        steps.exchange,
        steps.symbol,
        steps.minute,
        mixed_days.built_batch_id
    from steps
    inner join mixed_days
        on
            steps.exchange = mixed_days.exchange
            and steps.symbol = mixed_days.symbol
            and steps.minute::date = mixed_days.date

),

minutes as (

    select
        exchange,
        symbol,
        minute,
        built_batch_id
    from rebuilt_steps
    union all
    select * from mixed_minutes

),

final as (

    select
        minutes.exchange,
        minutes.symbol,
        timeframes.timeframe,
        case
            when timeframes.minutes < 1440
                then {{ bucket_of('minutes.minute', 'timeframes.minutes') }}
            else trading_days.starts_at
        end as timestamp,
        minutes.minute,
        minutes.built_batch_id
    from minutes
    inner join timeframes on timeframes.minutes <= 1440
    left join trading_days
        on
            timeframes.minutes = 1440
            and minutes.exchange = trading_days.exchange
            and minutes.minute::date = trading_days.date
            and minutes.minute >= trading_days.starts_at
            and minutes.minute < trading_days.ends_at

)

select * from final
