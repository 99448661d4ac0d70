-- What is held is the sum of signed fills less base-asset commission, where no split stands
-- between.
with

fills as (

    select
        exchange,
        symbol,
        strategy_id,
        sum(
            if(side = 'buy', quantity, -quantity) - if(is_base_commission, commission, 0)
        ) as quantity
    from {{ ref('int_position_fills') }}
    group by exchange, symbol, strategy_id

),

held as (

    select
        exchange,
        symbol,
        strategy_id,
        arg_max(quantity, event_number) as quantity,
        bool_or(is_split) as has_split
    from {{ ref('int_position_states') }}
    group by exchange, symbol, strategy_id

)

select
    coalesce(fills.exchange, held.exchange) as exchange,
    coalesce(fills.symbol, held.symbol) as symbol,
    coalesce(fills.strategy_id, held.strategy_id) as strategy_id,
    fills.quantity as filled,
    held.quantity as held
from fills
full join held
    on
        fills.exchange = held.exchange
        and fills.symbol = held.symbol
        and fills.strategy_id = held.strategy_id
where fills.quantity is distinct from held.quantity and held.has_split is not true
