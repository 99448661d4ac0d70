{{ config(severity='warn') }}

-- A bust or correction whose trade has not come yet; it waits.
with

names as (

    select * from {{ ref('int_correction_names') }}

),

fills as (

    select * from {{ landed('orders') }}
    where is_fill

),

found as (

    select names.*
    from names
    inner join fills
        on
            {{ same_key('names', 'fills', ['account_id', 'exchange', 'symbol']) }}
            and names.name = fills.trade_id
    where names.is_trade_id
    union
    select names.*
    from names
    inner join fills
        on
            {{ same_key('names', 'fills', ['account_id', 'exchange', 'symbol', 'order_id']) }}
            and names.name = fills.exchange_trade_id

)

select
    corrections.exchange,
    corrections.symbol,
    corrections.trade_id,
    corrections.event_id
from {{ ref('int_order_events') }} as corrections
anti join found
    on {{ same_key('corrections', 'found', ['account_id', 'exchange', 'symbol', 'event_id']) }}
where corrections.is_correction
