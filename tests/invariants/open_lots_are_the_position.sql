-- The open lots of a position add up to its quantity, and by the average to its cost; each position
-- of an account whose lots are kept has some.
with

lots as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        any_value(lot_method) as lot_method,
        any_value(side) as side,
        count(distinct side) as sides,
        sum(remaining_quantity) as quantity,
        sum(remaining_cost) as cost
    from {{ ref('lots') }}
    where closed_at is null
    group by account_id, exchange, symbol, strategy_id, position_side

),

positions as (

    select positions.*
    from {{ ref('current_positions') }} as positions
    semi join {{ ref('stg_accounts') }} as accounts
        on positions.account_id = accounts.account_id and accounts.lot_method is not null

)

select
    coalesce(lots.account_id, positions.account_id) as account_id,
    coalesce(lots.exchange, positions.exchange) as exchange,
    coalesce(lots.symbol, positions.symbol) as symbol,
    coalesce(lots.strategy_id, positions.strategy_id) as strategy_id,
    lots.quantity as of_lots,
    positions.quantity
from lots
full join positions
    on
        lots.account_id = positions.account_id
        and lots.exchange = positions.exchange
        and lots.symbol = positions.symbol
        and lots.strategy_id = positions.strategy_id
        and lots.position_side = positions.position_side
where
    lots.sides is distinct from 1
    or lots.side is distinct from positions.side
    or lots.quantity <> abs(positions.quantity)
    or lots.lot_method = 'average' and abs(lots.cost) <> positions.total_cost_basis
