with

bars as (

    select
        *,
        lead(timestamp) over bar_order as next_timestamp,
        lead(trading_date) over bar_order as next_trading_date
    from {{ ref('ohlcv_bars') }}
    window bar_order as (
        partition by exchange, symbol, timeframe
        order by timestamp
    )

),

marks as (

    select * from {{ ref('int_exchange_high_water_marks') }}

),

timeframes as (

    select * from {{ ref('stg_timeframes') }}

),

trading_days as (

    select * from {{ ref('int_trading_days') }}

),

archived_days as (

    select * from {{ ref('int_archived_days') }}
    where relation = 'ohlcv_bars'

),

empty_intraday_buckets as (

    select
        bars.*,
        timeframes.minutes,
        {{ each_of(buckets_from('bars.ends_at', 'bars.next_timestamp', 'timeframes.minutes')) }}
            as empty_from
    from bars
    inner join timeframes on bars.timeframe = timeframes.timeframe
    -- What an archived day has of bars is not known here: nothing is filled in it or across it.
    anti join archived_days
        on
            bars.timestamp::date <= archived_days.date
            and bars.next_timestamp::date >= archived_days.date
    where
        timeframes.minutes < 1440
        and bars.next_timestamp > bars.ends_at
        -- One tick with a wrong year would else be filled with minutes by the million.
        and bars.next_timestamp <= bars.ends_at + interval 31 day

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
    anti join archived_days
        on
            bars.timestamp::date <= archived_days.date
            and bars.next_timestamp::date >= archived_days.date

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
        empty_buckets.exchange,
        empty_buckets.symbol,
        empty_buckets.timeframe,
        empty_buckets.empty_from as timestamp,
        empty_buckets.close as open,
        empty_buckets.close as high,
        empty_buckets.close as low,
        empty_buckets.close,
        0 as volume,
        null as vwap,
        0 as trade_count,
        -- as a bar in its place would be
        coalesce(empty_buckets.empty_to <= marks.complete_until, false) as is_complete,
        empty_buckets.empty_date as trading_date,
        empty_buckets.empty_to as ends_at,
        true as is_filled
    from empty_buckets
    left join marks on empty_buckets.exchange = marks.exchange

)

select * from final
