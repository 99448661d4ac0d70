-- Warm rows and those in Parquet; a row that is in both counts as the warm one says.
with

warm as (

    select
        *,
        executed_at::date as date
    from {{ ref('trades_warm') }}

),

cold as (

    select * from {{ cold_rows('trades') }}

),

warm_and_cold as (

    select * from warm
    union all by name
    select * from cold

),

final as (

    select
        trade_id,
        order_id,
        exchange,
        symbol,
        strategy_id,
        side,
        quantity,
        price,
        executed_at,
        reported_at,
        commission,
        commission_currency,
        fees,
        realized_pnl,
        exchange_trade_id,
        correlation_id,
        source_trade_id,
        source_order_id,
        corrected_at,
        date
    from warm_and_cold

)

select * from final
