with

extracted as (

    {{ timescale_rows(
        'market_ticks', {
            'tick_id': 'bigint',
            'exchange': 'varchar',
            'symbol': 'varchar',
            'timestamp': 'timestamp',
            'bid_price': 'decimal(18, 8)',
            'ask_price': 'decimal(18, 8)',
            'bid_size': 'decimal(18, 8)',
            'ask_size': 'decimal(18, 8)',
            'last_price': 'decimal(18, 8)',
            'last_size': 'decimal(18, 8)',
            'volume': 'decimal(18, 8)',
            'sequence_number': 'bigint',
            'conditions': 'varchar[]',
            'tape': 'varchar',
            'ingestion_time': 'timestamp',
            'source': 'varchar',
            'correlation_id': 'uuid',
            'kind': 'varchar',
            'venue': 'varchar',
            'trade_id': 'varchar'
        }
    ) }}

),

final as (

    select
        relation,
        tick_id,
        exchange,
        symbol,
        timestamp,
        bid_price,
        ask_price,
        bid_size,
        ask_size,
        last_price,
        last_size,
        volume,
        sequence_number,
        conditions,
        tape,
        ingestion_time,
        source,
        correlation_id,
        coalesce(kind, case when last_price is null then 'quote' else 'trade' end) as kind,
        venue,
        trade_id
    from extracted

)

select * from final
