{{ config(materialized='table', meta={'chain': 'trading'}) }}
{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}

-- Fills that may count otherwise since all of the chain was built: by a new version of their event,
-- by a correction, or by what their order says of strategy and correlation.
with

events as {{ not_materialized() }} (

    select * from {{ landed('orders') }}

),

versions as (

    select * from {{ ref('int_new_order_events') }}

),

corrected_fills as (

    select * from {{ ref('int_newly_corrected_fills') }}

),

-- A fill has the strategy and the correlation of its order where it names none; and another feed's
-- fill that says as much of the order may be the same one, or no longer.
fills_of_the_order as (

    select
        events.account_id,
        events.exchange,
        events.symbol,
        events.order_id,
        events.fill_id
    from versions
    inner join events on {{ same_key('versions', 'events', order) }}
    where
        events.is_fill
        and (
            (versions.strategy_id is not null and events.strategy_id is null)
            or (versions.correlation_id is not null and events.correlation_id is null)
            or (versions.is_fill and versions.cumulative_quantity = events.cumulative_quantity)
        )

),

final as (

    select
        account_id,
        exchange,
        symbol,
        order_id,
        fill_id
    from versions
    where is_fill
    union
    select * from corrected_fills
    union
    select * from fills_of_the_order

)

select * from final
