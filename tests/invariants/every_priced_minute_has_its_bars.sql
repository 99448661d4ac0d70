-- A minute in which a trade sets a price is in a bar of every timeframe, of a regular day when it
-- lies in the session or is an auction's; and no bar is without such a minute.
with

bars as (

    select * from {{ ref('ohlcv_bars') }}

),

timeframes as (

    select * from {{ ref('stg_timeframes') }}

),

trading_days as (

    select * from {{ ref('int_trading_day_dates') }}

),

-- The daily rules of a minute count instead of the others where there are such.
minutes as (

    select
        exchange,
        symbol,
        minute,
        bool_or(scope = 'intraday' and open is not null) as is_priced,
        bool_or(scope = 'auction' and open is not null) as is_priced_by_auction,
        case
            when bool_or(scope = 'daily') then bool_or(scope = 'daily' and open is not null)
            else bool_or(scope = 'intraday' and open is not null)
        end as is_priced_daily
    from {{ ref('int_minute_bars_selected') }}
    where {{ is_unproven('minute') }}
    group by all

),

expected as (

    select
        minutes.exchange,
        minutes.symbol,
        timeframes.timeframe,
        {{ bucket_of('minutes.minute', 'timeframes.minutes') }} as timestamp,
        {{ bucket_of('minutes.minute', 'timeframes.minutes') }}
        + to_minutes(timeframes.minutes) as ends_at
    from minutes
    inner join timeframes on timeframes.minutes < 1440
    where minutes.is_priced
    union
    select
        minutes.exchange,
        minutes.symbol,
        timeframes.timeframe,
        trading_days.starts_at as timestamp,
        trading_days.ends_at
    from minutes
    inner join timeframes on timeframes.minutes = 1440
    inner join trading_days
        on
            minutes.exchange = trading_days.exchange
            and minutes.minute::date = trading_days.date
            and minutes.minute >= trading_days.starts_at
            and minutes.minute < trading_days.ends_at
    where
        case
            when
                trading_days.daily_bars = 'all'
                or (
                    minutes.minute >= trading_days.opens_at
                    and minutes.minute < trading_days.closes_at
                )
                then minutes.is_priced_daily
            else minutes.is_priced_by_auction
        end

),

bars_and_expected as (

    select
        exchange,
        symbol,
        timeframe,
        timestamp,
        ends_at,
        true as is_bar
    from bars
    union all
    select
        *,
        false as is_bar
    from expected

),

final as (

    select
        exchange,
        symbol,
        timeframe,
        timestamp,
        bool_or(is_bar) as has_bar,
        bool_or(not is_bar) as has_priced_minute
    from bars_and_expected
    where
        {{ is_unproven('timestamp') }}
        and {{ is_unproven('(ends_at - interval 1 microsecond)') }}
        and {{ is_not_archived('ohlcv_bars', 'timestamp') }}
    group by all
    having not (has_bar and has_priced_minute)

)

select * from final
