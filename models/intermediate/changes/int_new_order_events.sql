{{ config(materialized='table', meta={'chain': 'trading'}) }}
-- All versions of the order events that landed since all of the chain was built: two orders may
-- claim one event id, and a new version may take it from the other.
with

events as {{ not_materialized() }} (

    select * from {{ landed('orders') }}

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain = 'trading'

),

fresh as (

    select * from events
    where batch_id > (select built.batch_id from built)

),

final as (

    select
        events.account_id,
        events.exchange,
        events.symbol,
        events.event_id,
        events.order_id,
        events.fill_id,
        events.trade_id,
        events.strategy_id,
        events.correlation_id,
        events.cumulative_quantity,
        events.is_fill,
        events.is_correction
    -- In this order: a hash table of what landed, not of all events.
    from events
    inner join fresh
        on {{ same_key('events', 'fresh', ['account_id', 'exchange', 'symbol', 'event_id']) }}

)

select * from final
