-- From when on a batch may have changed a position: every version of a fill names a place where it
-- was or is counted.
with

events as (

    select * from {{ landed('orders') }}

),

fills as (

    select * from events
    where is_fill

),

actions as (

    select * from {{ ref('stg_corporate_actions') }}

),

-- Which fills a batch speaks of: its own, those it corrects, those whose event it claims, and those
-- whose order it gives a strategy.
touched_fills as (

    select
        exchange,
        symbol,
        order_id,
        fill_id,
        batch_id
    from fills

    union all

    select
        fills.exchange,
        fills.symbol,
        fills.order_id,
        fills.fill_id,
        events.batch_id
    from events
    inner join fills
        on
            events.exchange = fills.exchange
            and events.symbol = fills.symbol
            and events.trade_id = fills.trade_id
    where events.event_type in ('trade_bust', 'trade_correct')

    union all

    select
        fills.exchange,
        fills.symbol,
        fills.order_id,
        fills.fill_id,
        events.batch_id
    from events
    inner join fills
        on
            events.exchange = fills.exchange
            and events.event_id = fills.event_id
            and events.content_hash <> fills.content_hash

    union all

    select
        fills.exchange,
        fills.symbol,
        fills.order_id,
        fills.fill_id,
        events.batch_id
    from events
    inner join fills
        on
            events.exchange = fills.exchange
            and events.symbol = fills.symbol
            and events.order_id = fills.order_id
    where events.strategy_id is not null and fills.strategy_id is null

),

fill_restarts as (

    select
        fills.exchange,
        fills.symbol,
        fills.order_id,
        fills.strategy_id,
        fills.event_time as restart_at,
        touched_fills.batch_id
    from touched_fills
    inner join fills
        on
            touched_fills.exchange = fills.exchange
            and touched_fills.symbol = fills.symbol
            and touched_fills.order_id = fills.order_id
            and touched_fills.fill_id = fills.fill_id

),

-- A fill without a strategy may have been counted under any that its order ever named.
inherited_restarts as (

    select
        fill_restarts.exchange,
        fill_restarts.symbol,
        events.strategy_id,
        fill_restarts.restart_at,
        fill_restarts.batch_id
    from fill_restarts
    inner join events
        on
            fill_restarts.exchange = events.exchange
            and fill_restarts.symbol = events.symbol
            and fill_restarts.order_id = events.order_id
    where fill_restarts.strategy_id is null and events.strategy_id is not null

),

positions as (

    select distinct
        exchange,
        symbol,
        coalesce(strategy_id, 'unassigned') as strategy_id
    from events

),

split_restarts as (

    select
        actions.exchange,
        actions.symbol,
        positions.strategy_id,
        actions.effective_at as restart_at,
        actions.batch_id
    from actions
    inner join positions
        on actions.exchange = positions.exchange and actions.symbol = positions.symbol

),

final as (

    select
        exchange,
        symbol,
        coalesce(strategy_id, 'unassigned') as strategy_id,
        restart_at,
        batch_id
    from fill_restarts
    union all
    select * from inherited_restarts
    union all
    select * from split_restarts

)

select * from final
