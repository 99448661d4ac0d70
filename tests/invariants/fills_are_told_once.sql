{{ config(severity='warn') }}

-- A fill without any id that looks like one with an id: an export and a stream of one account tell
-- it, and it counts twice. Bust the one with an id, or land the export of other days only
-- (docs/landing.md, "What happens to a row").
with

fills as (

    select
        account_id,
        exchange,
        symbol,
        side,
        price,
        quantity,
        -- exports have a clock of seconds
        date_trunc('second', executed_at) as second,
        order_id,
        event_id,
        coalesce(exchange_trade_id, trade_id) as execution_id
    from {{ ref('int_fills') }}
    where not is_busted and transfer is null

),

final as (

    select
        exported.account_id,
        exported.exchange,
        exported.symbol,
        exported.event_id,
        min(told.order_id) as other_order_id,
        min(told.execution_id) as other_execution_id
    from fills as exported
    inner join fills as told
        on
            exported.account_id = told.account_id
            and exported.exchange = told.exchange
            and exported.symbol = told.symbol
            and exported.side = told.side
            and exported.price = told.price
            and exported.quantity = told.quantity
            and exported.second = told.second
    where exported.execution_id is null and told.execution_id is not null
    group by exported.account_id, exported.exchange, exported.symbol, exported.event_id

)

select * from final
