-- An extract's rows as if they had been landed: landing's own SQL judges, types and hashes them.
{{ config(materialized=kept_where_read('ticks')) }}

with

judged as (

    {{ landed_rows(
        'market_ticks', 'tick_id', {
            'exchange': 'varchar',
            'symbol': 'varchar',
            'timestamp': 'timestamp',
            'kind': 'varchar',
            'venue': 'varchar',
            'bid_price': 'decimal(18, 8)',
            'ask_price': 'decimal(18, 8)',
            'bid_size': 'decimal(18, 8)',
            'ask_size': 'decimal(18, 8)',
            'last_price': 'decimal(18, 8)',
            'last_size': 'decimal(18, 8)',
            'volume': 'decimal(18, 8)',
            'sequence_number': 'bigint',
            'trade_id': 'varchar',
            'conditions': 'varchar[]',
            'tape': 'varchar',
            'source': 'varchar',
            'correlation_id': 'uuid'
        }
    ) }}

),

final as (

    select
        row_number as tick_id,
        1::bigint as batch_id,
        exchange,
        symbol,
        timestamp,
        kind,
        venue,
        bid_price,
        ask_price,
        bid_size,
        ask_size,
        last_price,
        last_size,
        volume,
        sequence_number,
        trade_id,
        try_cast(trade_id as hugeint) as trade_number,
        null::bigint as untimed_hash,
        null::smallint as nanoseconds,
        null::integer as place,
        null::varchar as aggressor_side,
        conditions,
        tape,
        source,
        timestamp as ingestion_time,
        correlation_id,
        1 as occurrence,
        timestamp::date as date
    from judged
    where reason is null

)

select * from final
