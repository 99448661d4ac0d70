-- Whenever a round trip ends, the position's realised P&L is the sum over its round trips so far,
-- to within their rounding. The next one may begin at that time, and even close a part: what it
-- has realised by then counts too. One that went on under a new symbol counts what it realised
-- before as well: of these the sum over all symbols is compared, once nothing is held of any.
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
with

lineages as (

    select * from {{ ref('int_symbol_lineages') }}

),

trips as (

    select
        round_trips.account_id,
        round_trips.exchange,
        round_trips.symbol,
        round_trips.strategy_id,
        round_trips.position_side,
        round_trips.closed_at,
        sum(sum(round_trips.realized_pnl)) over so_far as realized_pnl,
        sum(count(*)) over so_far as trips
    from {{ ref('round_trips') }} as round_trips
    anti join lineages
        on round_trips.exchange = lineages.exchange and round_trips.symbol = lineages.symbol
    group by
        round_trips.account_id,
        round_trips.exchange,
        round_trips.symbol,
        round_trips.strategy_id,
        round_trips.position_side,
        round_trips.closed_at
    window so_far as (
        partition by
            round_trips.account_id,
            round_trips.exchange,
            round_trips.symbol,
            round_trips.strategy_id,
            round_trips.position_side
        order by round_trips.closed_at
    )

),

positions as (

    select * from {{ ref('positions') }}

),

-- What the next one has realised, where it began and closed a part at the time of the former's end.
begun as (

    select
        {{ columns_of(position) }},
        trip_number,
        event_at,
        sum(realized_pnl) as realized_pnl
    from {{ ref('int_round_trip_legs') }}
    where opened_at = event_at and exited <> 0
    group by {{ columns_of(position) }}, trip_number, event_at

),

-- Of what is linked.
states as (

    select
        states.*,
        lineages.lineage,
        {{ in_money('states.realized_pnl', 'instruments.multiplier') }} as realized
    from {{ ref('int_position_states') }} as states
    inner join {{ ref('int_traded_instruments') }} as instruments
        on states.exchange = instruments.exchange and states.symbol = instruments.symbol
    inner join lineages
        on states.exchange = lineages.exchange and states.symbol = lineages.symbol
    qualify
        row_number() over (
            partition by
                states.account_id,
                states.exchange,
                states.symbol,
                states.strategy_id,
                states.position_side
            order by states.event_number desc
        ) = 1

),

linked_trips as (

    select
        round_trips.account_id,
        round_trips.exchange,
        lineages.lineage,
        round_trips.strategy_id,
        round_trips.position_side,
        sum(round_trips.realized_pnl) as realized_pnl,
        count(*) as trips
    from {{ ref('round_trips') }} as round_trips
    inner join lineages
        on round_trips.exchange = lineages.exchange and round_trips.symbol = lineages.symbol
    group by all

),

totals as (

    select
        states.account_id,
        states.exchange,
        states.lineage,
        states.strategy_id,
        states.position_side,
        bool_and(states.quantity = 0) as is_flat,
        sum(states.realized) as realized_pnl,
        coalesce(any_value(linked_trips.realized_pnl), 0) as of_trips,
        coalesce(any_value(linked_trips.trips), 0) + 1 as trips
    from states
    left join linked_trips
        on
            states.account_id = linked_trips.account_id
            and states.exchange = linked_trips.exchange
            and states.lineage = linked_trips.lineage
            and states.strategy_id = linked_trips.strategy_id
            and states.position_side = linked_trips.position_side
    group by all

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
-- One that ended at that time too is among the trips.
left join begun
    on
        {{ same_key('positions', 'begun', position + ['trip_number']) }}
        and positions.snapshot_time = begun.event_at
        and positions.quantity <> 0
where
    {{ is_not_archived('positions', 'trips.closed_at') }}
    and (
        positions.snapshot_time is null
        or abs(positions.realized_pnl - trips.realized_pnl - coalesce(begun.realized_pnl, 0))
        > (trips.trips + (begun.realized_pnl is not null)::integer) * 0.00000001
    )

union all

select
    totals.account_id,
    totals.exchange,
    totals.lineage as symbol,
    totals.strategy_id,
    totals.position_side,
    null as closed_at,
    totals.of_trips,
    totals.realized_pnl
from totals
where totals.is_flat and abs(totals.realized_pnl - totals.of_trips) > totals.trips * 0.00000001
