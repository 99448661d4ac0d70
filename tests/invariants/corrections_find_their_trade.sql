{{ config(severity='warn') }}

-- A bust or correction whose trade has not come yet; it waits.
select
    corrections.exchange,
    corrections.symbol,
    corrections.trade_id,
    corrections.event_id
from {{ ref('int_order_events') }} as corrections
left join {{ landed('orders') }} as fills
    on
        corrections.exchange = fills.exchange
        and corrections.symbol = fills.symbol
        and corrections.trade_id = fills.trade_id
        and fills.is_fill
where corrections.event_type in ('trade_bust', 'trade_correct') and fills.event_id is null
