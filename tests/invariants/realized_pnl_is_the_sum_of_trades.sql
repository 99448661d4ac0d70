-- The last realised P&L of a position is the sum over its states, and over its round trips to
-- within their rounding.
with

trips as (

    select
        exchange,
        symbol,
        strategy_id,
        sum(realized_pnl) as realized_pnl,
        count(*) as trips
    from {{ ref('round_trips') }}
    group by exchange, symbol, strategy_id

),

positions as (

    select
        exchange,
        symbol,
        strategy_id,
        arg_max(realized_pnl, snapshot_time) as realized_pnl
    from {{ ref('positions') }}
    group by exchange, symbol, strategy_id

)

select
    positions.exchange,
    positions.symbol,
    positions.strategy_id,
    positions.realized_pnl,
    trips.realized_pnl as of_trips
from positions
inner join trips
    on
        positions.exchange = trips.exchange
        and positions.symbol = trips.symbol
        and positions.strategy_id = trips.strategy_id
where abs(positions.realized_pnl - trips.realized_pnl) > trips.trips * 0.00000001
