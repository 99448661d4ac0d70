{{ config(materialized='table', meta={'chain': 'trading'}) }}

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

changed_reference as (

    select * from {{ ref('int_reference_changes') }}
    where
        chain = 'trading'
        and kind in ('instrument', 'exchange', 'settings')

),

fill_restarts as (

    select
        events.exchange,
        events.symbol,
        events.order_id,
        events.strategy_id,
        events.event_time as restart_at
    from changed_fills
    inner join events
        on
            changed_fills.exchange = events.exchange
            and changed_fills.symbol = events.symbol
            and changed_fills.order_id = events.order_id
            and changed_fills.fill_id = events.fill_id
    where events.is_fill

),

fills_without_a_strategy as (

    select * from fill_restarts
    where strategy_id is null

),

-- They may have been counted under any that their order ever named.
inherited_restarts as (

    select
        nameless.exchange,
        nameless.symbol,
        events.strategy_id,
        nameless.restart_at
    from fills_without_a_strategy as nameless
    inner join events
        on
            nameless.exchange = events.exchange
            and nameless.symbol = events.symbol
            and nameless.order_id = events.order_id
    where events.strategy_id is not null

),

split_restarts as (

    select
        splits.exchange,
        splits.symbol,
        events.strategy_id,
        splits.effective_at as restart_at
    from fresh_splits as splits
    inner join events
        on splits.exchange = events.exchange and splits.symbol = events.symbol

),

reference_restarts as (

    select
        events.exchange,
        events.symbol,
        events.strategy_id,
        events.event_time as restart_at
    from events
    inner join changed_reference as reference on {{ is_named_by('reference', 'events') }}

),

all_restarts as (

    select
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
        exchange,
        symbol,
        coalesce(strategy_id, 'unassigned') as strategy_id,
        min(restart_at) as restart_at
    from all_restarts
    group by exchange, symbol, coalesce(strategy_id, 'unassigned')

)

select * from final
