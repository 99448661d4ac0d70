{{ config(severity='warn') }}

-- A stream tells of orders before it tells of their fills; a list of fills has nothing else.
select
    orders.account_id,
    orders.exchange,
    orders.symbol,
    orders.source_order_id
from {{ ref('orders') }} as orders
semi join {{ ref('int_order_events') }} as events
    on
        orders.account_id = events.account_id
        and orders.exchange = events.exchange
        and orders.symbol = events.symbol
        and orders.source_order_id = events.order_id
        and events.is_fill
        and events.source = 'websocket'
where orders.is_implied
