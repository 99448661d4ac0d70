with

warm as (

    select * from {{ ref('trades_warm') }}

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
        corrected_at
    from warm

)

select * from final
