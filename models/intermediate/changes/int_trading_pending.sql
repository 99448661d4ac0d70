{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}

-- From when on orders, positions and the portfolio may look different in the next build, by each
-- thing that has changed since all of the chain was built.
with

events as {{ not_materialized() }} (

    select * from {{ landed('orders') }}

),

corporate_actions as (

    select * from {{ ref('stg_corporate_actions') }}

),

cash_events as (

    select * from {{ ref('stg_cash_events') }}

),

manual_snapshots as (

    select * from {{ ref('stg_manual_snapshots') }}

),

reference_changes as (

    select * from {{ ref('int_reference_changes') }}
    where chain = 'trading'

),

restored_days as (

    select * from {{ ref('int_restored_days') }}
    where chain = 'trading'

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain = 'trading'

),

versions as (

    select * from {{ ref('int_new_order_events') }}

),

-- A correction names the trade, through others or not, and need not name the order.
corrected_fills as (

    select * from {{ ref('int_newly_corrected_fills') }}

),

orders_of_one_id as (

    select * from {{ ref('int_orders_of_one_id') }}

),

renamed_fills as (

    select * from {{ ref('int_fills_of_one_id') }}

),

touched_orders as (

    select {{ columns_of(order) }} from versions
    union
    select {{ columns_of(order) }} from corrected_fills
    union
    select {{ columns_of(order) }} from orders_of_one_id
    union
    select {{ columns_of(order) }} from renamed_fills

),

final as (

    select min(events.event_time) as restart_at
    from events
    semi join touched_orders on {{ same_key('events', 'touched_orders', order) }}
    union all
    select min(effective_at) as restart_at
    from corporate_actions
    where changed_in_batch > (select built.batch_id from built)
    union all
    select min(changed_from) as restart_at
    from cash_events
    where changed_in_batch > (select built.batch_id from built)
    union all
    select min(snapshot_time) as restart_at
    from manual_snapshots
    where after_run >= (select built.run_number from built)
    union all
    select min(date)::timestamp as restart_at
    from restored_days
    union all
    select timestamp '-infinity' as restart_at
    from reference_changes

)

select * from final
