with

bars as (

    select
        *,
        lead(timestamp) over bar_order as next_timestamp,
        lead(trading_date) over bar_order as next_trading_date,
        lead(is_complete) over bar_order as is_next_complete
    from {{ ref('ohlcv_bars') }}
    window bar_order as (
        partition by exchange, symbol, timeframe
        order by timestamp
    )

),

timeframes as (

    select * from {{ ref('stg_timeframes') }}

),

trading_days as (

    select * from {{ ref('int_trading_days') }}

),

empty_intraday_buckets as (

    select
        bars.*,
        timeframes.minutes,
        {{ each_of(buckets_from('bars.ends_at', 'bars.next_timestamp', 'timeframes.minutes')) }}
            as empty_from
    from bars
    inner join timeframes on bars.timeframe = timeframes.timeframe
    where
        timeframes.minutes < 1440
        and bars.next_timestamp > bars.ends_at

),

empty_days as (

    select
        bars.*,
        trading_days.starts_at as empty_from,
        trading_days.ends_at as empty_to,
        trading_days.trading_date as empty_date
    from bars
    inner join trading_days
        on
            bars.exchange = trading_days.exchange
            and bars.trading_date < trading_days.trading_date
            and bars.next_trading_date > trading_days.trading_date

),

empty_buckets as (

    select
        {{ exclude_columns(['minutes']) }},
        empty_from + {{ minutes_long('minutes') }} as empty_to,
        null::date as empty_date
    from empty_intraday_buckets
    union all
    select * from empty_days

),

final as (

    select
        exchange,
        symbol,
        timeframe,
        timestamp,
        open,
        high,
        low,
        close,
        volume,
        vwap,
        trade_count,
        is_complete,
        trading_date,
        ends_at,
        false as is_filled
    from bars
    union all
    select
        exchange,
        symbol,
        timeframe,
        empty_from as timestamp,
        close as open,
        close as high,
        close as low,
        close,
        0 as volume,
        null as vwap,
        0 as trade_count,
        is_next_complete or empty_to + interval 30 seconds <= next_timestamp as is_complete,
        empty_date as trading_date,
        empty_to as ends_at,
        true as is_filled
    from empty_buckets

)

select * from final
