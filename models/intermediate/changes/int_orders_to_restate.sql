{{ config(materialized='table', meta={'chain': 'trading'}) }}
{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}

-- Orders of which an event landed since all of the chain was built, those whose fills may cost
-- otherwise, since the instrument changed, and those of days that came back from the archive.
with

events as {{ not_materialized() }} (

    select * from {{ landed('orders') }}

),

restored_days as (

    select * from {{ ref('int_restored_days') }}
    where
        chain = 'trading'
        and relation = 'orders'

),

cold_orders as (

    select * from {{ cold_rows('orders') }}

),

changed_reference as (

    select * from {{ ref('int_reference_changes') }}
    where
        chain = 'trading'
        and kind in ('instrument', 'settings')

),

versions as (

    select * from {{ ref('int_new_order_events') }}

),

-- A correction names the trade and need not name the order.
corrected_fills as (

    select * from {{ ref('int_newly_corrected_fills') }}

),

orders_of_one_id as (

    select * from {{ ref('int_orders_of_one_id') }}

),

touched as (

    select
        account_id,
        exchange,
        symbol,
        order_id
    from versions
    union
    select
        account_id,
        exchange,
        symbol,
        order_id
    from corrected_fills
    union
    select * from orders_of_one_id

),

restarts as (

    select
        touched.account_id,
        touched.exchange,
        touched.symbol,
        touched.order_id,
        events.event_time as restart_at
    -- In this order: a hash table of what was touched, not of all events.
    from events
    inner join touched on {{ same_key('events', 'touched', order) }}
    union all
    -- A commission that names no currency is in that of its instrument.
    select
        events.account_id,
        events.exchange,
        events.symbol,
        events.order_id,
        events.event_time as restart_at
    from events
    inner join changed_reference as reference on {{ is_named_by('reference', 'events') }}
    union all
    select
        account_id,
        exchange,
        symbol,
        source_order_id as order_id,
        created_at as restart_at
    from cold_orders
    where date in (select restored_days.date from restored_days)

),

final as (

    select
        account_id,
        exchange,
        symbol,
        order_id,
        min(restart_at) as restart_at
    from restarts
    group by account_id, exchange, symbol, order_id

)

select * from final
