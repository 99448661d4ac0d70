-- The newest row of each position is never moved to Parquet, so no file is opened.
with

positions as (

    select * from {{ ref('positions_warm') }}

),

newest as (

    select *
    from positions
    qualify
        row_number() over (
            partition by exchange, symbol, strategy_id order by snapshot_time desc
        ) = 1

),

final as (

    select
        position_id,
        exchange,
        symbol,
        strategy_id,
        side,
        quantity,
        average_entry_price,
        first_entry_time,
        current_price,
        market_value,
        unrealized_pnl,
        unrealized_pnl_pct,
        realized_pnl,
        total_cost_basis,
        max_drawdown,
        max_drawdown_pct,
        snapshot_time,
        opened_at,
        closed_at,
        correlation_id,
        is_fill,
        trip_number
    from newest
    where closed_at is null

)

select * from final
