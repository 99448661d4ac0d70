-- Of each order: as many trades as it has fills that no bust takes back, and an order that is
-- filled by them; and no trade, no filled quantity without a fill. Of an order that left for the
-- archive, or a trade of which did, one cannot tell.
with

events as (

    select * from {{ ref('int_order_events') }}

),

orders_that_left as (

    select distinct
        account_id,
        exchange,
        symbol,
        order_id
    from events
    where
        not {{ is_not_archived('orders', 'event_time') }}
        or not {{ is_not_archived('trades', 'event_time') }}

),

fill_events as (

    select
        account_id,
        exchange,
        symbol,
        order_id,
        fill_id,
        trade_id,
        exchange_trade_id
    from events
    where is_fill and transfer is null and fill_quantity > 0 and fill_price is not null

),

busts as (

    select names.*
    from {{ ref('int_correction_names') }} as names
    inner join events
        on {{ same_key('names', 'events', ['account_id', 'exchange', 'symbol', 'event_id']) }}
    where events.event_type = 'trade_bust'

),

-- A bust may name any event that tells of the fill, or a correction of it; another order's fill
-- only where its own order has none that it names.
busted_fills as (

    select
        fill_events.account_id,
        fill_events.exchange,
        fill_events.symbol,
        fill_events.order_id,
        fill_events.fill_id
    from busts
    inner join fill_events
        on
            busts.account_id = fill_events.account_id
            and busts.exchange = fill_events.exchange
            and busts.symbol = fill_events.symbol
            and (
                (busts.is_trade_id and busts.name = fill_events.trade_id)
                or (
                    busts.order_id = fill_events.order_id
                    and busts.name = fill_events.exchange_trade_id
                )
            )
    qualify
        rank() over (
            partition by
                busts.account_id, busts.exchange, busts.symbol,
                busts.event_id, busts.order_id
            order by busts.order_id = fill_events.order_id desc
        ) = 1

),

counted_fills as (

    select distinct
        fill_events.account_id,
        fill_events.exchange,
        fill_events.symbol,
        fill_events.order_id,
        fill_events.fill_id
    from fill_events
    anti join busted_fills
        on
            fill_events.account_id = busted_fills.account_id
            and fill_events.exchange = busted_fills.exchange
            and fill_events.symbol = busted_fills.symbol
            and fill_events.order_id = busted_fills.order_id
            and fill_events.fill_id = busted_fills.fill_id

),

trades as (

    select * from {{ ref('trades') }}

),

orders as (

    select * from {{ ref('orders') }}

),

counted as (

    select
        account_id,
        exchange,
        symbol,
        order_id,
        1 as fills,
        0 as trades,
        0 as filled_quantity
    from counted_fills
    union all
    select
        account_id,
        exchange,
        symbol,
        source_order_id as order_id,
        0 as fills,
        1 as trades,
        0 as filled_quantity
    from trades
    union all
    select
        account_id,
        exchange,
        symbol,
        source_order_id as order_id,
        0 as fills,
        0 as trades,
        filled_quantity
    from orders

),

final as (

    select
        counted.account_id,
        counted.exchange,
        counted.symbol,
        counted.order_id,
        sum(counted.fills) as fills,
        sum(counted.trades) as trades,
        sum(counted.filled_quantity) as filled_quantity
    from counted
    anti join orders_that_left
        on
            counted.account_id = orders_that_left.account_id
            and counted.exchange = orders_that_left.exchange
            and counted.symbol = orders_that_left.symbol
            and counted.order_id = orders_that_left.order_id
    group by all
    having sum(fills) <> sum(trades) or (sum(fills) > 0) <> (sum(filled_quantity) > 0)

)

select * from final
