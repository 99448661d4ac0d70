-- Warm rows and those in Parquet; a row that is in both counts as the warm one says.
with

warm as (

    select
        *,
        snapshot_time::date as date
    from {{ ref('positions_warm') }}

),

cold as (

    select * from {{ cold_rows('positions') }}

),

warm_and_cold as (

    select * from warm
    union all by name
    select * from cold

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
        trip_number,
        date
    from warm_and_cold

)

select * from final
