-- TimescaleDB keeps the state of an order, not its events: `ingest extract timescale` makes them
-- of orders and trades, with ids that follow from theirs.
{{ config(materialized=kept_where_read('orders')) }}

with

extracted as (

    {{ timescale_rows(
        'order_events', {
            'event_id': 'varchar',
            'event_type': 'varchar',
            'event_time': 'timestamp',
            'order_id': 'varchar',
            'client_order_id': 'varchar',
            'exchange': 'varchar',
            'symbol': 'varchar',
            'side': 'varchar',
            'order_type': 'varchar',
            'quantity': 'decimal(28, 10)',
            'strategy_id': 'varchar',
            'time_in_force': 'varchar',
            'price': 'decimal(28, 10)',
            'stop_price': 'decimal(28, 10)',
            'trade_id': 'varchar',
            'exchange_trade_id': 'varchar',
            'fill_quantity': 'decimal(28, 10)',
            'fill_price': 'decimal(28, 10)',
            'commission': 'decimal(28, 10)',
            'commission_currency': 'varchar',
            'fees': 'decimal(28, 10)',
            'status_message': 'varchar',
            'correlation_id': 'uuid',
            'parent_order_id': 'varchar',
            'extended_hours': 'boolean',
            'metadata': 'json',
            'sequence_number': 'bigint',
            'source': 'varchar',
            'reason': 'varchar',
            'row_number': 'bigint',
            'content_hash': 'bigint'
        }
    ) }}

),

final as (

    select
        1::bigint as batch_id,
        'main' as account_id,
        exchange,
        event_id,
        event_type,
        event_time,
        symbol,
        order_id,
        client_order_id,
        parent_order_id,
        strategy_id,
        side,
        order_type,
        time_in_force,
        quantity,
        price,
        stop_price,
        trade_id,
        exchange_trade_id,
        fill_quantity,
        fill_price,
        null::decimal(28, 10) as cumulative_quantity,
        commission,
        commission_currency,
        fees,
        status_message,
        correlation_id,
        extended_hours,
        metadata,
        sequence_number,
        source,
        event_time as ingestion_time,
        content_hash,
        row_number,
        null::decimal(28, 10) as transfer_cost,
        null::timestamp as original_time,
        null as transfer_id,
        'net' as position_side,
        null as transfer,
        event_type in ('partial_fill', 'fill') as is_fill,
        event_type in ('trade_bust', 'trade_correct') as is_correction,
        coalesce(exchange_trade_id, trade_id, event_id) as fill_id,
        0 as source_rank
    from extracted
    where reason is null

)

select * from final
