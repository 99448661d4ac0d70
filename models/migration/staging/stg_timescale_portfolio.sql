with

extracted as (

    {{ timescale_rows(
        'portfolio_snapshots', {
            'snapshot_time': 'timestamp',
            'snapshot_type': 'varchar',
            'cash_balance': 'decimal(38, 2)',
            'buying_power': 'decimal(38, 2)',
            'portfolio_value': 'decimal(38, 2)',
            'equity': 'decimal(38, 2)',
            'total_pnl': 'decimal(38, 2)',
            'total_pnl_pct': 'decimal(10, 4)',
            'daily_pnl': 'decimal(38, 2)',
            'daily_pnl_pct': 'decimal(10, 4)',
            'leverage': 'decimal(10, 4)',
            'margin_used': 'decimal(38, 2)',
            'max_drawdown': 'decimal(38, 2)',
            'max_drawdown_pct': 'decimal(10, 4)',
            'long_positions': 'integer',
            'short_positions': 'integer',
            'total_positions': 'integer'
        }
    ) }}

),

final as (

    select
        relation,
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
        total_positions
    from extracted

)

select * from final
