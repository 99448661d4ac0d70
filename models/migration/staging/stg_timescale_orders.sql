with

extracted as (

    {{ timescale_rows(
        'orders', {
            'order_id': 'uuid',
            'client_order_id': 'varchar',
            'exchange': 'varchar',
            'symbol': 'varchar',
            'strategy_id': 'varchar',
            'side': 'varchar',
            'order_type': 'varchar',
            'time_in_force': 'varchar',
            'quantity': 'decimal(28, 10)',
            'price': 'decimal(28, 10)',
            'stop_price': 'decimal(28, 10)',
            'filled_quantity': 'decimal(28, 10)',
            'average_fill_price': 'decimal(28, 10)',
            'status': 'varchar',
            'status_message': 'varchar',
            'created_at': 'timestamp',
            'submitted_at': 'timestamp',
            'updated_at': 'timestamp',
            'filled_at': 'timestamp',
            'commission': 'decimal(28, 10)',
            'commission_currency': 'varchar',
            'correlation_id': 'uuid',
            'parent_order_id': 'uuid',
            'extended_hours': 'boolean'
        }
    ) }}

),

final as (

    select
        relation,
        order_id,
        client_order_id,
        exchange,
        symbol,
        strategy_id,
        side,
        order_type,
        time_in_force,
        quantity,
        price,
        stop_price,
        filled_quantity,
        average_fill_price,
        status,
        status_message,
        created_at,
        submitted_at,
        updated_at,
        filled_at,
        commission,
        commission_currency,
        correlation_id,
        parent_order_id,
        extended_hours
    from extracted

)

select * from final
