-- Fills that may count otherwise since all of the chain was built: by a new version of their event,
-- by a correction, or by what their order says of strategy and correlation.
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

-- All versions of what is fresh: a new one may take the event from another fill.
versions as (

    select
        events.exchange,
        events.symbol,
        events.order_id,
        events.fill_id,
        events.trade_id,
        events.strategy_id,
        events.correlation_id,
        events.is_fill,
        events.is_correction
    from fresh
    inner join events on fresh.exchange = events.exchange and fresh.event_id = events.event_id

),

corrected_fills as (

    select
        events.exchange,
        events.symbol,
        events.order_id,
        events.fill_id
    from versions
    inner join events
        on
            versions.exchange = events.exchange
            and versions.symbol = events.symbol
            and versions.trade_id = events.trade_id
    where versions.is_correction and events.is_fill

),

-- A fill has the strategy and the correlation of its order where it names none.
inheriting_fills as (

    select
        events.exchange,
        events.symbol,
        events.order_id,
        events.fill_id
    from versions
    inner join events
        on
            versions.exchange = events.exchange
            and versions.symbol = events.symbol
            and versions.order_id = events.order_id
    where
        events.is_fill
        and (
            (versions.strategy_id is not null and events.strategy_id is null)
            or (versions.correlation_id is not null and events.correlation_id is null)
        )

),

final as (

    select
        exchange,
        symbol,
        order_id,
        fill_id
    from versions
    where is_fill
    union
    select * from corrected_fills
    union
    select * from inheriting_fills

)

select * from final
