-- Warm rows and those in Parquet; a row that is in both counts as the warm one says.
with

warm as (

    select {{ with_date('timestamp') }}
    from {{ ref('ohlcv_bars_warm') }}

),

cold as (

    select * from {{ cold_rows('ohlcv_bars') }}

),

warm_and_cold as (

    select * from warm
    union all {{ by_name() }}
    select * from cold

),

final as (

    select
        bar_id,
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
        built_batch_id,
        built_at,
        date
    from warm_and_cold

)

select * from final
