{{ config(severity='warn') }}

-- Fills that count come to more than their order's quantity, by its latest replacement. One fill
-- was told under two ids, or a replacement, a bust or a correction did not come in.
select
    account_id,
    exchange,
    symbol,
    source_order_id,
    quantity,
    filled_quantity
from {{ ref('orders') }}
where filled_quantity > quantity
