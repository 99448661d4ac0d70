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

fresh_splits as (

    select * from {{ ref('stg_corporate_actions') }}
    where batch_id > (select built.batch_id from built)

),

restored_positions as (

    select * from {{ ref('int_restored_positions') }}
    where relation = 'trades'

),

reference_restarts as (

    select * from {{ ref('int_reference_restarts') }}

),

fill_restarts as (

    select
        events.account_id,
        events.exchange,
        events.symbol,
        events.order_id,
        events.strategy_id,
        events.event_time as restart_at
    from changed_fills
    inner join events
        on {{ same_key('changed_fills', 'events', order + ['fill_id']) }}
    where events.is_fill

),

fills_without_a_strategy as (

    select * from fill_restarts
    where strategy_id is null

),

-- They may have been counted under any that their order ever named.
inherited_restarts as (

    select
        nameless.account_id,
        nameless.exchange,
        nameless.symbol,
        events.strategy_id,
        nameless.restart_at
    from fills_without_a_strategy as nameless
    inner join events
        on {{ same_key('nameless', 'events', order) }}
    where events.strategy_id is not null

),

split_restarts as (

    select
        events.account_id,
        splits.exchange,
        splits.symbol,
        events.strategy_id,
        splits.effective_at as restart_at
    from fresh_splits as splits
    inner join events
        on splits.exchange = events.exchange and splits.symbol = events.symbol

),

all_restarts as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        restart_at
    from fill_restarts
    union all
    select * from inherited_restarts
    union all
    select * from split_restarts
    union all
    select * from reference_restarts
    union all
    select {{ exclude_columns(['relation']) }} from restored_positions

),

final as (

    select
        account_id,
        exchange,
        symbol,
        coalesce(strategy_id, 'unassigned') as strategy_id,
        min(restart_at) as restart_at
    from all_restarts
    group by account_id, exchange, symbol, coalesce(strategy_id, 'unassigned')

)

select * from final
