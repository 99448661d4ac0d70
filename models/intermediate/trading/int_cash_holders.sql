{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}

-- Which positions the cash of an instrument belongs to, and by which weight. What names no strategy
-- is split by what each held just before it accrued; where none held any, the one that held last
-- takes it. Where nothing was held under the symbol that it names, the name of that time counts.
-- What was never held has no row.
with

cash_events as (

    select * from {{ ref('stg_cash_events') }}
    where symbol is not null and part in ('carry', 'commission', 'fees')

),

former_names as (

    select * from {{ ref('int_former_names') }}

),

named as (

    select
        *,
        true as is_told
    from cash_events
    union all
    select
        cash_events.* replace (former_names.former_symbol as symbol),
        false as is_told
    from cash_events
    inner join former_names
        on
            {{ same_key('cash_events', 'former_names', ['exchange', 'symbol']) }}
            and cash_events.accrued_at <= former_names.called_until

),

-- Of the states of one time the last one counts.
states as (

    select states.*
    from {{ ref('int_position_states') }} as states
    semi join named on {{ same_key('states', 'named', ['account_id', 'exchange', 'symbol']) }}
    -- A fill of which nothing counts may come before the first trip, and while nothing is held.
    where
        states.trip_number > 0
        and (states.quantity = 0 and states.previous_quantity = 0) is not true
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
        named.* exclude (strategy_id), -- noqa: RF02
        positions.strategy_id,
        positions.position_side
    from named
    inner join positions
        on
            {{ same_key('named', 'positions', ['account_id', 'exchange', 'symbol']) }}
            and coalesce(named.strategy_id, positions.strategy_id) = positions.strategy_id

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

-- Of a former name counts what was held, where the symbol itself held none.
counted as (

    select
        * replace (
            case
                when is_told or not bool_or(is_told and quantity <> 0) over event then quantity
                else 0
            end as quantity
        )
    from held
    window event as (partition by account_id, exchange, event_id)

),

weighed as (

    select
        *,
        case
            when sum(quantity) over event <> 0 then quantity
            when bool_or(quantity <> 0) over event then abs(quantity)
            else (row_number() over newest_first = 1)::integer
        end::decimal(38, 10) as weight
    from counted
    window
        event as (partition by account_id, exchange, event_id),
        newest_first as (
            partition by account_id, exchange, event_id
            order by
                is_told desc, held_since desc, strategy_id desc, position_side desc, symbol desc
        )

),

final as (

    select * from weighed
    where weight <> 0

)

select * from final
