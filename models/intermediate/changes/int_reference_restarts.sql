-- Events of orders that changed reference data concern: of their instrument, exchange or account,
-- or of all.
with

events as {{ not_materialized() }} (

    select * from {{ landed('orders') }}

),

changed_reference as (

    select * from {{ ref('int_reference_changes') }}
    where
        chain = 'trading'
        and kind in ('instrument', 'exchange', 'settings')

),

lineages as (

    select * from {{ ref('int_symbol_lineages') }}

),

changed_accounts as (

    select distinct symbol as account_id from {{ ref('int_reference_changes') }}
    where chain = 'trading' and kind in ('lots', 'hedge_mode')

),

final as (

    select
        events.account_id,
        events.exchange,
        events.symbol,
        events.order_id,
        events.strategy_id,
        events.event_time as restart_at
    from events
    inner join changed_reference as reference on {{ is_named_by('reference', 'events') }}
    union all
    -- What is held of a symbol may have no events but those of another.
    select
        events.account_id,
        events.exchange,
        events.symbol,
        events.order_id,
        events.strategy_id,
        events.event_time as restart_at
    from events
    inner join lineages on {{ same_key('events', 'lineages', ['exchange', 'symbol']) }}
    inner join lineages as others on {{ same_key('lineages', 'others', ['exchange', 'lineage']) }}
    inner join changed_reference as reference on {{ is_named_by('reference', 'others') }}
    union all
    select
        events.account_id,
        events.exchange,
        events.symbol,
        events.order_id,
        events.strategy_id,
        events.event_time as restart_at
    from events
    inner join changed_accounts as accounts on events.account_id = accounts.account_id

)

select * from final
