with

extracted as (

    {{ timescale_rows(
        'ohlcv_bars', {
            'exchange': 'varchar',
            'symbol': 'varchar',
            'timeframe': 'varchar',
            'timestamp': 'timestamp',
            'open': 'decimal(18, 8)',
            'high': 'decimal(18, 8)',
            'low': 'decimal(18, 8)',
            'close': 'decimal(18, 8)',
            'volume': 'decimal(38, 8)',
            'vwap': 'decimal(18, 8)',
            'trade_count': 'integer',
            'is_complete': 'boolean'
        }
    ) }}

),

final as (

    select
        relation,
        exchange,
        symbol,
        timeframe,
        timestamp,
        open,
        high,
        low,
        close,
        volume,
        vwap,
        trade_count,
        is_complete
    from extracted

)

select * from final
