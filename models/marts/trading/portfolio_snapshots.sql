with

warm as (

    select * from {{ ref('portfolio_snapshots_warm') }}

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
        fees
    from warm
    where snapshot_type <> 'newest'

)

select * from final
