-- depends_on: {{ ref('int_positions_to_restate') }}
{{ config(
    materialized='incremental',
    unique_key=['exchange', 'symbol', 'strategy_id', 'event_number'],
    meta={
        'region': {
            'pending': 'int_positions_to_restate',
            'by': ['exchange', 'symbol', 'strategy_id'],
            'from': 'event_at'
        },
        'time': 'event_at'
    }
) }}
{% set position = ['exchange', 'symbol', 'strategy_id'] %}

-- What each position is after every event, and which round trip it is in: a trip opens where a
-- quantity comes to be, or changes its sign.
with

folds as (

    select folds.*
    from {{ ref('int_position_folds') }} as folds
    {% if is_incremental() %}
        semi join {{ ref('int_positions_to_restate') }} as pending
            on
                {{ same_key('folds', 'pending', position) }}
                and folds.event_at >= pending.restart_at
    {% endif %}

),

fills as (

    select * from {{ ref('int_position_fills') }}
    {% if is_incremental() %}
        where executed_at >= (
            select min(pending.restart_at) from {{ ref('int_positions_to_restate') }} as pending
        )
    {% endif %}

),

beginnings as (

    {% if is_incremental() %}
        select former.*
        from {{ this }} as former
        inner join {{ ref('int_positions_to_restate') }} as pending
            on
                {{ same_key('former', 'pending', position) }}
                and former.event_at < pending.restart_at
        qualify
            row_number() over (
                partition by former.exchange, former.symbol, former.strategy_id
                order by former.event_number desc
            ) = 1
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
        coalesce(lag(folds.quantity) over history, beginnings.quantity, 0) as previous_quantity,
        folds.realized_pnl
        - coalesce(lag(folds.realized_pnl) over history, beginnings.realized_pnl, 0)
            as realized_pnl_delta,
        coalesce(beginnings.trip_number, 0) as trips_before,
        beginnings.opened_at as opened_before
    from folds
    left join beginnings on {{ same_key('folds', 'beginnings', position) }}
    window history as (
        partition by folds.exchange, folds.symbol, folds.strategy_id order by folds.event_number
    )

),

-- A split of what is not held is no event.
with_openings as (

    select
        *,
        quantity <> 0 and sign(quantity) <> sign(previous_quantity) as opens
    from with_previous
    where not is_split or previous_quantity <> 0

),

states as (

    select
        * exclude (trips_before, opened_before), -- noqa: RF02
        (trips_before + count_if(opens) over history)::bigint as trip_number,
        coalesce(max(event_at) filter (where opens) over history, opened_before) as opened_at,
        -- When the round trip was opened that ends here.
        case
            when previous_quantity <> 0 and (opens or quantity = 0)
                then coalesce(max(event_at) filter (where opens) over earlier, opened_before)
        end as ended_opened_at
    from with_openings
    window
        history as (
            partition by exchange, symbol, strategy_id order by event_number
            rows between unbounded preceding and current row
        ),
        earlier as (
            partition by exchange, symbol, strategy_id order by event_number
            rows between unbounded preceding and 1 preceding
        )

),

final as (

    select
        states.*,
        fills.trade_id,
        fills.exchange_trade_id,
        fills.correlation_id,
        fills.reported_at,
        fills.corrected_at,
        fills.side,
        fills.quantity as fill_quantity,
        fills.position_delta,
        fills.signed_quantity,
        fills.price,
        fills.commission,
        fills.commission_currency,
        fills.is_base_commission,
        fills.is_quote_commission,
        fills.fees
    from states
    left join fills
        on
            {{ same_key('states', 'fills', ['exchange', 'symbol', 'order_id', 'fill_id']) }}
            and states.event_at = fills.executed_at

)

select * from final
order by event_at
