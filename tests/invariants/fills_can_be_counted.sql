{{ config(severity='warn') }}

-- A fill event without a quantity above zero or without a price is in no trade.
select
    account_id,
    exchange,
    symbol,
    order_id,
    event_id,
    fill_quantity,
    fill_price
from {{ ref('int_order_events') }}
where
    is_fill
    and (fill_quantity is null or fill_quantity <= 0 or (fill_price is null and transfer is null))
