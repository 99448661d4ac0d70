{{ config(severity='warn') }}

-- Events of one key, and fills of one exchange trade, that say different things; what a correction
-- names may.
with

events as (

    select * from {{ landed('orders') }}

),

corrections as (

    select * from {{ ref('int_fill_corrections') }}

)

select
    account_id,
    exchange,
    concat_ws('/', symbol, event_id) as key,
    count(distinct content_hash) as versions
from events
group by account_id, exchange, symbol, event_id
having count(distinct content_hash) > 1

union all

select
    events.account_id,
    events.exchange,
    concat_ws('/', events.symbol, events.order_id, events.fill_id) as key,
    count(distinct row(events.fill_quantity, events.fill_price, events.side)) as versions
from events
anti join corrections
    on
        events.account_id = corrections.account_id
        and events.exchange = corrections.exchange
        and events.symbol = corrections.symbol
        and events.order_id = corrections.order_id
        and events.fill_id = corrections.fill_id
where events.is_fill
group by events.account_id, events.exchange, events.symbol, events.order_id, events.fill_id
having count(distinct row(events.fill_quantity, events.fill_price, events.side)) > 1
