-- What is held is the sum of signed fills less base-asset commission, where no split or other
-- action stands between, and nothing was cut that led beyond a side.
with

fills as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        sum(
            if(side = 'buy', quantity, -quantity) - if(is_base_commission, commission, 0)
        ) as quantity
    from {{ ref('int_position_fills') }}
    group by account_id, exchange, symbol, strategy_id, position_side

),

held as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        arg_max(quantity, event_number) as quantity,
        bool_or(is_split or action is not null) as has_split,
        bool_or(
            position_delta <> signed_quantity - if(is_base_commission, commission, 0)
        ) as is_cut
    from {{ ref('int_position_states') }}
    group by account_id, exchange, symbol, strategy_id, position_side

)

select
    coalesce(fills.account_id, held.account_id) as account_id,
    coalesce(fills.exchange, held.exchange) as exchange,
    coalesce(fills.symbol, held.symbol) as symbol,
    coalesce(fills.strategy_id, held.strategy_id) as strategy_id,
    fills.quantity as filled,
    held.quantity as held
from fills
full join held
    on
        fills.account_id = held.account_id
        and fills.exchange = held.exchange
        and fills.symbol = held.symbol
        and fills.strategy_id = held.strategy_id
        and fills.position_side = held.position_side
where
    fills.quantity is distinct from held.quantity
    and held.has_split is not true
    and held.is_cut is not true
