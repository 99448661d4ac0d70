{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}

-- Fills that corrections name, through others or not, that landed since all of the chain was built;
-- with each the one that another feed tells of it.
with recursive

events as {{ not_materialized() }} (

    select * from {{ landed('orders') }}

),

corrections as (

    select * from events
    where is_correction

),

-- Also those of an order that has a fresh event: what it names may be its own fill now.
fresh_corrections as (

    select corrections.*
    from corrections
    semi join {{ ref('int_new_order_events') }} as fresh
        on {{ same_key('corrections', 'fresh', order) }}

),

{{ correction_names('fresh_corrections', 'corrections') }},

named_fills as (

    select
        events.account_id,
        events.exchange,
        events.symbol,
        events.order_id,
        events.fill_id,
        events.cumulative_quantity
    from named
    inner join events
        on
            {{ same_key('named', 'events', ['account_id', 'exchange', 'symbol']) }}
            and named.name = events.trade_id
    where named.is_trade_id and events.is_fill
    union
    select
        events.account_id,
        events.exchange,
        events.symbol,
        events.order_id,
        events.fill_id,
        events.cumulative_quantity
    from events
    inner join named
        on {{ same_key('named', 'events', order) }} and named.name = events.exchange_trade_id
    -- Always so, and a condition more lets DuckDB expect fewer names than events: it makes its hash
    -- table of the names.
    where events.is_fill and named.order_id is not null

),

final as (

    select
        account_id,
        exchange,
        symbol,
        order_id,
        fill_id
    from named_fills
    union
    select
        events.account_id,
        events.exchange,
        events.symbol,
        events.order_id,
        events.fill_id
    from named_fills
    inner join events on {{ same_key('named_fills', 'events', order + ['cumulative_quantity']) }}
    where events.is_fill

)

select * from final
