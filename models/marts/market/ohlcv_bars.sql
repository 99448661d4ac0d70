with

warm as (

    select * from {{ ref('ohlcv_bars_warm') }}

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
        built_at
    from warm

)

select * from final
