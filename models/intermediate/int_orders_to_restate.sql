{{ config(materialized='table', post_hook="{{ remember_build() }}") }}
{% set seen = seen_by_all(order_models()) %}

-- Which orders may look different because of a batch that not all of their models have seen.
with

events as not materialized (

    select * from {{ landed('orders') }}

),

fresh as (

    select * from events
    where batch_id > {{ seen }}

),

changed_inputs as (

    select * from {{ ref('int_trading_inputs') }}
    where kind in ('instrument', 'settings') and changed_in_batch > {{ seen }}

),

-- All versions of what is fresh: two orders may claim one event id, and a new version may take it
-- from the other.
versions as (

    select
        events.exchange,
        events.symbol,
        events.order_id,
        events.trade_id,
        events.is_correction,
        fresh.batch_id
    from fresh
    inner join events on fresh.exchange = events.exchange and fresh.event_id = events.event_id

),

-- A correction names the trade and need not name the order.
corrected_orders as (

    select
        events.exchange,
        events.symbol,
        events.order_id,
        versions.batch_id
    from versions
    inner join events
        on
            versions.exchange = events.exchange
            and versions.symbol = events.symbol
            and versions.trade_id = events.trade_id
    where versions.is_correction and events.is_fill

),

touched as (

    select
        exchange,
        symbol,
        order_id,
        batch_id
    from versions
    union
    select * from corrected_orders
    union
    -- A commission that names no currency is in that of its instrument.
    select
        events.exchange,
        events.symbol,
        events.order_id,
        changed_inputs.changed_in_batch as batch_id
    from events
    inner join changed_inputs on {{ is_named_by('changed_inputs', 'events') }}

),

final as (

    select
        touched.exchange,
        touched.symbol,
        touched.order_id,
        touched.batch_id,
        min(events.event_time) as first_event_at
    -- In this order: a hash table of what was touched, not of all events.
    from events
    inner join touched
        on
            events.exchange = touched.exchange
            and events.symbol = touched.symbol
            and events.order_id = touched.order_id
    group by touched.exchange, touched.symbol, touched.order_id, touched.batch_id

)

select * from final
