-- Whenever a round trip ends, the position's realised P&L is the sum over its round trips so far,
-- to within their rounding.
with

trips as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        closed_at,
        sum(sum(realized_pnl)) over so_far as realized_pnl,
        sum(count(*)) over so_far as trips
    from {{ ref('round_trips') }}
    group by account_id, exchange, symbol, strategy_id, position_side, closed_at
    window so_far as (
        partition by account_id, exchange, symbol, strategy_id, position_side order by closed_at
    )

),

positions as (

    select * from {{ ref('positions') }}
    where is_fill

)

select
    trips.account_id,
    trips.exchange,
    trips.symbol,
    trips.strategy_id,
    trips.position_side,
    trips.closed_at,
    trips.realized_pnl as of_trips,
    positions.realized_pnl
from trips
left join positions
    on
        trips.account_id = positions.account_id
        and trips.exchange = positions.exchange
        and trips.symbol = positions.symbol
        and trips.strategy_id = positions.strategy_id
        and trips.position_side = positions.position_side
        and trips.closed_at = positions.snapshot_time
where
    {{ is_there('positions', 'trips.closed_at') }}
    and (
        positions.snapshot_time is null
        or abs(positions.realized_pnl - trips.realized_pnl) > trips.trips * 0.00000001
    )
