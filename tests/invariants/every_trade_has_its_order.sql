-- Of each trade the order, unless that left for the archive: it may be older than the trade.
with

trades as (

    select * from {{ ref('trades') }}

),

orders as (

    select * from {{ ref('orders') }}

),

order_terms as (

    select * from {{ ref('int_order_terms') }}

)

select
    trades.trade_id,
    trades.order_id,
    order_terms.created_at
from trades
left join order_terms
    on
        trades.account_id = order_terms.account_id
        and trades.exchange = order_terms.exchange
        and trades.symbol = order_terms.symbol
        and trades.source_order_id = order_terms.order_id
anti join orders on trades.order_id = orders.order_id
where
    order_terms.created_at is null
    or {{ is_not_archived('orders', 'order_terms.created_at') }}
