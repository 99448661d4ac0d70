with

events as (

    select * from {{ source('raw', 'order_events') }}

),

final as (

    select
        batch_id,
        account_id,
        exchange,
        event_id,
        event_type,
        event_time,
        symbol,
        order_id,
        client_order_id,
        parent_order_id,
        strategy_id,
        -- A lot is named by its own side, and leaves by the other one.
        case
            when event_type <> 'transfer_out' then side
            when side = 'buy' then 'sell'
            else 'buy'
        end as side,
        order_type,
        time_in_force,
        quantity,
        price,
        stop_price,
        trade_id,
        exchange_trade_id,
        case
            when event_type in ('transfer_in', 'transfer_out') then quantity
            else fill_quantity
        end as fill_quantity,
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
        transfer_cost,
        original_time,
        transfer_id,
        position_side,
        -- What comes in or goes out in kind moves a position as a fill does, and is no trade.
        case event_type when 'transfer_in' then 'in' when 'transfer_out' then 'out' end as transfer,
        event_type in ('partial_fill', 'fill', 'transfer_in', 'transfer_out') as is_fill,
        event_type in ('trade_bust', 'trade_correct') as is_correction,
        -- One fill has one exchange trade id, however many event ids it came under.
        coalesce(exchange_trade_id, trade_id, event_id) as fill_id,
        -- Of several versions of one event the one from REST or a backfill counts.
        {{ source_rank('source') }} as source_rank
    from events

)

select * from final
