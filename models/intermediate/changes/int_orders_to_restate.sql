{{ config(materialized='table', meta={'chain': 'trading'}) }}

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
corrected_orders as (

    select
        events.exchange,
        events.symbol,
        events.order_id
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
        order_id
    from versions
    union
    select * from corrected_orders
    union
    -- A commission that names no currency is in that of its instrument.
    select
        events.exchange,
        events.symbol,
        events.order_id
    from events
    inner join changed_reference as reference on {{ is_named_by('reference', 'events') }}

),

restarts as (

    select
        touched.exchange,
        touched.symbol,
        touched.order_id,
        events.event_time as restart_at
    -- In this order: a hash table of what was touched, not of all events.
    from events
    inner join touched
        on
            events.exchange = touched.exchange
            and events.symbol = touched.symbol
            and events.order_id = touched.order_id
    union all
    select
        exchange,
        symbol,
        source_order_id as order_id,
        created_at as restart_at
    from cold_orders
    where date in (select restored_days.date from restored_days)

),

final as (

    select
        exchange,
        symbol,
        order_id,
        min(restart_at) as restart_at
    from restarts
    group by exchange, symbol, order_id

)

select * from final
