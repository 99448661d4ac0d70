-- Which orders may look different because of a batch.
with

events as (

    select * from {{ landed('orders') }}

),

own_events as (

    select
        exchange,
        symbol,
        order_id,
        batch_id
    from events

),

-- Two orders that claim one event id: a new version may take it from the other.
shared_events as (

    select
        other.exchange,
        other.symbol,
        other.order_id,
        events.batch_id
    from events
    inner join events as other
        on
            events.exchange = other.exchange
            and events.event_id = other.event_id
            and (events.order_id <> other.order_id or events.symbol <> other.symbol)

),

-- A correction names the trade and need not name the order.
corrected_fills as (

    select
        fills.exchange,
        fills.symbol,
        fills.order_id,
        events.batch_id
    from events
    inner join events as fills
        on
            events.exchange = fills.exchange
            and events.symbol = fills.symbol
            and events.trade_id = fills.trade_id
    where
        events.event_type in ('trade_bust', 'trade_correct')
        and fills.is_fill

),

final as (

    select * from own_events
    union all
    select * from shared_events
    union all
    select * from corrected_fills

)

select * from final
