with

ticks as (

    select * from {{ ref('int_market_ticks') }}

),

final as (

    select
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
        kind,
        venue,
        trade_id,
        aggressor_side,
        nanoseconds,
        place,
        is_busted,
        batch_id,
        date
    from ticks

)

select * from final
