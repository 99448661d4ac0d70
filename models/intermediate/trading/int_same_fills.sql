{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}

-- Fills without the exchange's id that are one with it: both say how much of their order was filled
-- then. After a bust two fills of an order may say the same; they follow each other in time.
with

events as (

    select * from {{ landed('orders') }}

),

told_fills as (

    select
        account_id,
        exchange,
        symbol,
        order_id,
        fill_id,
        min(cumulative_quantity) as cumulative_quantity,
        bool_or(exchange_trade_id is not null) as has_exchange_id,
        min(event_time) as first_told_at
    from events
    where is_fill and cumulative_quantity is not null
    group by account_id, exchange, symbol, order_id, fill_id

),

numbered_fills as (

    select
        *,
        row_number() over (
            partition by
                account_id, exchange, symbol, order_id, cumulative_quantity, has_exchange_id
            order by first_told_at, fill_id
        ) as fill_number
    from told_fills

),

final as (

    select
        nameless.account_id,
        nameless.exchange,
        nameless.symbol,
        nameless.order_id,
        nameless.fill_id,
        named.fill_id as same_fill_id
    from numbered_fills as nameless
    inner join numbered_fills as named
        on
            {{ same_key('nameless', 'named', order) }}
            and nameless.cumulative_quantity = named.cumulative_quantity
            and nameless.fill_number = named.fill_number
    where not nameless.has_exchange_id and named.has_exchange_id

)

select * from final
