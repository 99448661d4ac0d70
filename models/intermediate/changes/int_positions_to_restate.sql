{{ config(materialized='table', meta={'chain': 'trading'}) }}
{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}

-- From when on each position may look different since all of the chain was built: every version of
-- a fill names a place where it was or is counted, and so does a trade back from the archive.
with

events as {{ not_materialized() }} (

    select * from {{ landed('orders') }}

),

changed_fills as (

    select * from {{ ref('int_changed_fills') }}

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain = 'trading'

),

lineages as (

    select * from {{ ref('int_symbol_lineages') }}

),

fresh_actions as (

    select * from {{ ref('stg_corporate_actions') }}
    where changed_in_batch > (select built.batch_id from built)

),

renamed_fills as (

    select * from {{ ref('int_fills_of_one_id') }}

),

restored_positions as (

    select * from {{ ref('int_restored_positions') }}
    where relation = 'trades'

),

reference_restarts as (

    select * from {{ ref('int_reference_restarts') }}

),

told_restarts as (

    select
        {{ columns_of(order + ['strategy_id'], 'events') }},
        events.event_time as restart_at
    from changed_fills
    inner join events
        on {{ same_key('changed_fills', 'events', order + ['fill_id']) }}
    where events.is_fill
    union all
    select {{ columns_of(order + ['strategy_id', 'restart_at']) }} from renamed_fills
    union all
    select {{ columns_of(order + ['strategy_id', 'restart_at']) }} from reference_restarts

),

orders_without_a_strategy as (

    select
        {{ columns_of(order, 'told_restarts') }},
        min(told_restarts.restart_at) as restart_at
    from told_restarts
    where told_restarts.strategy_id is null
    group by all

),

-- Their fills may have been counted under any that their order ever named.
inherited_restarts as (

    select
        {{ columns_of(order[:3], 'nameless') }},
        events.strategy_id,
        nameless.restart_at
    from orders_without_a_strategy as nameless
    inner join events
        on {{ same_key('nameless', 'events', order) }}
    where events.strategy_id is not null

),

-- What was only ever held under another symbol has events of that one.
action_restarts as (

    select
        events.account_id,
        events.exchange,
        events.symbol,
        events.strategy_id,
        actions.effective_at as restart_at
    from fresh_actions as actions
    left join lineages on {{ same_key('actions', 'lineages', ['exchange', 'symbol']) }}
    left join lineages as others on {{ same_key('lineages', 'others', ['exchange', 'lineage']) }}
    inner join events
        on
            actions.exchange = events.exchange
            and coalesce(others.symbol, actions.symbol) = events.symbol

),

all_restarts as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        restart_at
    from told_restarts
    union all
    select * from inherited_restarts
    union all
    select * from action_restarts
    union all
    select {{ exclude_columns(['relation']) }} from restored_positions

),

restarts as (

    select * replace (coalesce(strategy_id, 'unassigned') as strategy_id)
    from all_restarts

),

final as (

    {{ whole_lineage('restarts', 'lineages') }}

)

select * from final
