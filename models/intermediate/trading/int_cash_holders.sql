{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}

-- Which positions the cash of an instrument belongs to, and by which weight. What names no strategy
-- is split by what each held just before it accrued; where none held any, the one that held last
-- takes it. What was never held has no row.
with

cash_events as (

    select * from {{ ref('stg_cash_events') }}
    where symbol is not null and part in ('carry', 'commission', 'fees')

),

-- Of the states of one time the last one counts.
states as (

    select states.*
    from {{ ref('int_position_states') }} as states
    semi join cash_events
        on {{ same_key('states', 'cash_events', ['account_id', 'exchange', 'symbol']) }}
    -- A fill of which nothing counts may come before the first trip.
    where states.trip_number > 0
    qualify
        row_number() over (
            partition by {{ columns_of(position + ['event_at'], 'states') }}
            order by states.event_number desc
        ) = 1

),

positions as (

    select distinct
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side
    from states

),

candidates as (

    select
        cash_events.* exclude (strategy_id), -- noqa: RF02
        positions.strategy_id,
        positions.position_side
    from cash_events
    inner join positions
        on
            {{ same_key('cash_events', 'positions', ['account_id', 'exchange', 'symbol']) }}
            and coalesce(cash_events.strategy_id, positions.strategy_id) = positions.strategy_id

),

held as (

    select
        candidates.*,
        states.trip_number,
        states.event_at as held_since,
        coalesce(states.quantity, 0) as quantity
    from candidates
    asof inner join states
        on
            {{ same_key('candidates', 'states', position) }}
            and candidates.accrued_at > states.event_at

),

weighed as (

    select
        *,
        case
            when sum(quantity) over event <> 0 then quantity
            when bool_or(quantity <> 0) over event then abs(quantity)
            else (row_number() over newest_first = 1)::integer
        end::decimal(38, 10) as weight
    from held
    window
        event as (partition by account_id, exchange, event_id),
        newest_first as (
            partition by account_id, exchange, event_id
            order by held_since desc, strategy_id desc, position_side desc
        )

),

final as (

    select * from weighed
    where weight <> 0

)

select * from final
