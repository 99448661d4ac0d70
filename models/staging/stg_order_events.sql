with

events as (

    select * from {{ source('raw', 'order_events') }}

),

final as (

    select
        batch_id,
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
        cumulative_quantity,
        commission,
        commission_currency,
        fees,
        status_message,
        correlation_id,
        extended_hours,
        metadata,
        sequence_number,
        source,
        ingestion_time,
        content_hash,
        row_number,
        event_type in ('partial_fill', 'fill') as is_fill,
        event_type in ('trade_bust', 'trade_correct') as is_correction,
        -- One fill has one exchange trade id, however many event ids it came under.
        coalesce(exchange_trade_id, trade_id, event_id) as fill_id,
        -- Of several versions of one event the one from REST or a backfill counts.
        {{ source_rank('source') }} as source_rank
    from events

)

select * from final
