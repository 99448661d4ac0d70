{{ config(severity='warn') }}

-- Events of one key, and fills of one exchange trade, that say different things.
with

events as (

    select * from {{ landed('orders') }}

)

select
    exchange,
    event_id as key,
    count(distinct content_hash) as versions
from events
group by exchange, event_id
having count(distinct content_hash) > 1

union all

select
    exchange,
    concat_ws('/', symbol, order_id, fill_id) as key,
    count(distinct row(fill_quantity, fill_price, side)) as versions
from events
where is_fill
group by exchange, symbol, order_id, fill_id
having count(distinct row(fill_quantity, fill_price, side)) > 1
