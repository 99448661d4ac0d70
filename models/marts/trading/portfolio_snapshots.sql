-- Warm rows and those in Parquet; a row that is in both counts as the warm one says.
with

warm as (

    select
        *,
        snapshot_time::date as date
    from {{ ref('portfolio_snapshots_warm') }}
    where snapshot_type <> 'newest'

),

cold as (

    select * from {{ cold_rows('portfolio_snapshots') }}

),

warm_and_cold as (

    select * from warm
    union all by name
    select * from cold

),

final as (

    select
        snapshot_id,
        snapshot_time,
        snapshot_type,
        cash_balance,
        buying_power,
        portfolio_value,
        equity,
        total_pnl,
        total_pnl_pct,
        daily_pnl,
        daily_pnl_pct,
        leverage,
        margin_used,
        max_drawdown,
        max_drawdown_pct,
        long_positions,
        short_positions,
        total_positions,
        metadata,
        net_flows,
        other_cash,
        realized_pnl,
        unrealized_pnl,
        commission,
        fees,
        date
    from warm_and_cold

)

select * from final
