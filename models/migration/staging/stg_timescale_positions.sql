with

extracted as (

    {{ timescale_rows(
        'positions', {
            'exchange': 'varchar',
            'symbol': 'varchar',
            'side': 'varchar',
            'quantity': 'decimal(28, 10)',
            'average_entry_price': 'decimal(28, 10)',
            'first_entry_time': 'timestamp',
            'current_price': 'decimal(28, 10)',
            'market_value': 'decimal(28, 10)',
            'unrealized_pnl': 'decimal(28, 10)',
            'unrealized_pnl_pct': 'decimal(10, 4)',
            'realized_pnl': 'decimal(28, 10)',
            'total_cost_basis': 'decimal(28, 10)',
            'max_drawdown': 'decimal(28, 10)',
            'max_drawdown_pct': 'decimal(10, 4)',
            'snapshot_time': 'timestamp',
            'opened_at': 'timestamp',
            'closed_at': 'timestamp',
            'correlation_id': 'uuid',
            'strategy_id': 'varchar'
        }
    ) }}

),

final as (

    select
        relation,
        exchange,
        symbol,
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
        coalesce(strategy_id, 'unassigned') as strategy_id
    from extracted

)

select * from final
