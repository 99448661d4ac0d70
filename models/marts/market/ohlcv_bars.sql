-- Warm rows and those in Parquet; a row that is in both counts as the warm one says. What left for
-- Parquet was complete.
with

warm as (

    select
        *,
        timestamp::date as date
    from {{ ref('ohlcv_bars_warm') }}

),

marks as (

    select * from {{ ref('int_exchange_high_water_marks') }}

),

cold as (

    select * from {{ cold_rows('ohlcv_bars') }}

),

judged as (

    select
        warm.bar_id,
        warm.exchange,
        warm.symbol,
        warm.timeframe,
        warm.timestamp,
        warm.open,
        warm.high,
        warm.low,
        warm.close,
        warm.volume,
        warm.vwap,
        warm.trade_count,
        coalesce(warm.ends_at <= marks.complete_until, false) as is_complete,
        warm.trading_date,
        warm.ends_at,
        warm.built_batch_id,
        warm.built_at,
        warm.date
    from warm
    left join marks on warm.exchange = marks.exchange

),

final as (

    select * from judged
    union all {{ by_name() }}
    select * from cold

)

select * from final
