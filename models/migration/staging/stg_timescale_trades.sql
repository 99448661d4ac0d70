with

extracted as (

    {{ timescale_rows(
        'trades', {
            'trade_id': 'uuid',
            'order_id': 'uuid',
            'exchange': 'varchar',
            'symbol': 'varchar',
            'side': 'varchar',
            'quantity': 'decimal(28, 10)',
            'price': 'decimal(28, 10)',
            'executed_at': 'timestamp',
            'reported_at': 'timestamp',
            'commission': 'decimal(28, 10)',
            'fees': 'decimal(28, 10)',
            'realized_pnl': 'decimal(28, 10)',
            'exchange_trade_id': 'varchar',
            'correlation_id': 'uuid'
        }
    ) }}

),

final as (

    select
        relation,
        trade_id,
        order_id,
        exchange,
        symbol,
        side,
        quantity,
        price,
        executed_at,
        reported_at,
        commission,
        fees,
        realized_pnl,
        exchange_trade_id,
        correlation_id
    from extracted

)

select * from final
