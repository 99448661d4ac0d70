-- depends_on: {{ ref('int_positions_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{% set told = [
    'trade_id', 'exchange_trade_id', 'correlation_id', 'reported_at', 'corrected_at', 'side',
    'signed_quantity', 'transfer', 'original_time', 'commission', 'commission_currency',
    'is_base_commission', 'is_quote_commission', 'fees'
] %}
{% set moved = 'coalesce(states.moved, fills.position_delta)' %}
{{ config(
    materialized='incremental',
    unique_key=position + ['event_number'],
    meta={
        'region': {'pending': 'int_positions_to_restate', 'by': position[:4], 'from': 'event_at'},
        'time': 'event_at'
    }
) }}

-- What each position is after every event, and its round trip: one opens with a quantity or a sign.
with

folds as (

    select folds.*
    from {{ ref('int_position_folds') }} as folds
    {% if is_incremental() %}
        semi join {{ ref('int_positions_to_restate') }} as pending
            on
                {{ same_key('folds', 'pending', position[:4]) }}
                and folds.event_at >= pending.restart_at
    {% endif %}

),

fills as (

    select * from {{ ref('int_position_fills') }}
    {% if is_incremental() %}
        where executed_at >= (select min(restart_at) from {{ ref('int_positions_to_restate') }})
    {% endif %}

),

beginnings as (

    {% if is_incremental() %}
        {{ newest_before_restart(position) }}
    {% else %}
        select
            *,
            0::bigint as trip_number,
            event_at as opened_at
        from folds
        where false
    {% endif %}

),

with_previous as (

    select
        folds.*,
        {% for held in ['quantity', 'realized_pnl', 'cost_basis'] %}
            lag(folds.{{ held }}, 1, if(beginnings.event_number is null, 0, beginnings.{{ held }}))
                over history as previous_{{ held }},
        {% endfor %}
        coalesce(beginnings.trip_number, 0) as trips_before,
        beginnings.opened_at as opened_before,
        coalesce(folds.inherited_at, (
            select min(former.opened_at) from beginnings as former
            where
                {{ same_key('folds', 'former', position[:2] + position[3:]) }}
                and list_contains(folds.inherited_from, former.symbol)
        )) as taken_over_since
    from folds
    left join beginnings on {{ same_key('folds', 'beginnings', position) }}
    window history as (
        partition by {{ columns_of(position, 'folds') }}
        order by folds.event_number
    )

),

-- A split, or another action, of what is not held is no event.
with_openings as (

    select
        * exclude (previous_realized_pnl, previous_cost_basis),
        realized_pnl - previous_realized_pnl as realized_pnl_delta,
        cost_basis - previous_cost_basis - realized_pnl_delta as paid,
        coalesce(quantity <> 0 and sign(quantity) <> sign(previous_quantity), false) as opens,
        -- The fold cuts what would lead beyond a side, and says what an action moves.
        case
            when not is_split and (position_side <> 'net' or action is not null)
                then quantity - previous_quantity
        end::decimal(29, 10) as moved,
        coalesce(taken_over_since, if(opens, event_at, null)) as opens_at
    from with_previous
    where
        (not is_split and action is null)
        or (previous_quantity <> 0 and (is_split or action like '%out'))
        or (quantity is distinct from previous_quantity and action is not null)

),

states as (

    select
        * exclude (trips_before, opened_before, opens_at, taken_over_since), -- noqa: RF02
        (trips_before + count_if(opens) over history)::bigint as trip_number,
        coalesce(last_value(opens_at ignore nulls) over history, opened_before) as opened_at,
        -- When the round trip was opened that ends here.
        case
            when previous_quantity <> 0 and (opens or quantity = 0)
                then coalesce(last_value(opens_at ignore nulls) over earlier, opened_before)
        end as ended_opened_at
    from with_openings
    window
        history as (
            partition by {{ columns_of(position) }} order by event_number
            rows between unbounded preceding and current row
        ),
        earlier as (
            partition by {{ columns_of(position) }} order by event_number
            rows between unbounded preceding and 1 preceding
        )

),

final as (

    select
        states.* exclude (paid, moved, inherited_at, inherited_from), -- noqa: RF02
        {{ columns_of(told, 'fills') }},
        fills.quantity as fill_quantity,
        {{ moved }} as position_delta,
        case
            when fills.is_inverse or coalesce(fills.transfer, states.action) is not null
                then states.paid
        end as transfer_cost,
        coalesce(fills.price, {{ price_paid('states.paid', moved, 'fills.is_inverse') }}) as price
    from states
    left join fills
        on
            {{ same_key('states', 'fills', position[:3] + ['order_id', 'fill_id']) }}
            and states.event_at = fills.executed_at

)

select * from final
order by event_at
