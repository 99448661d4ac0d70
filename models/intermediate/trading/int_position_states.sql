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

-- What each position is after every fill and split. The events of a position are put in order and
-- handed to the fold as one list (fold_positions, python_ingest/accounting/fold.py). What it
-- returns is rounded, and told which round trip it belongs to. An increment begins at the first
-- event that may have changed, from the state before it.
with

all_fills as (

    select * from {{ ref('int_position_fills') }}

),

splits as (

    select * from {{ ref('stg_corporate_actions') }}
    where kind = 'split'

),

{% if is_incremental() %}
    restarts as (

        select * from {{ ref('int_positions_to_restate') }}

    ),

    last_events as (

        select
            states.exchange,
            states.symbol,
            states.strategy_id,
            max(states.event_number) as event_number
        from {{ this }} as states
        inner join restarts
            on
                states.exchange = restarts.exchange
                and states.symbol = restarts.symbol
                and states.strategy_id = restarts.strategy_id
                and states.event_at < restarts.restart_at
        group by states.exchange, states.symbol, states.strategy_id

    ),

    -- What each position was when its first pending event came.
    beginnings as (

        select
            states.exchange,
            states.symbol,
            states.strategy_id,
            states.event_number,
            states.quantity,
            states.cost,
            states.realized_pnl - states.cost_basis + states.cost as realized,
            states.realized_pnl,
            states.trip_number,
            states.opened_at
        from {{ this }} as states
        inner join last_events
            on
                states.exchange = last_events.exchange
                and states.symbol = last_events.symbol
                and states.strategy_id = last_events.strategy_id
                and states.event_number = last_events.event_number

    ),

    fills as (

        select all_fills.*
        from all_fills
        inner join restarts
            on
                all_fills.exchange = restarts.exchange
                and all_fills.symbol = restarts.symbol
                and all_fills.strategy_id = restarts.strategy_id
                and all_fills.executed_at >= restarts.restart_at

    ),
{% else %}
    restarts as (

        select
            exchange,
            symbol,
            strategy_id,
            min(executed_at) as restart_at
        from all_fills
        group by exchange, symbol, strategy_id

    ),

    beginnings as (

        select
            exchange,
            symbol,
            strategy_id,
            0::bigint as event_number,
            0::decimal(38, 8) as quantity,
            0::decimal(38, 24) as cost,
            0::decimal(38, 24) as realized,
            0::decimal(38, 16) as realized_pnl,
            0::bigint as trip_number,
            null::timestamp as opened_at
        from restarts

    ),

    fills as (

        select * from all_fills

    ),
{% endif %}

events as (

    select
        exchange,
        symbol,
        strategy_id,
        executed_at as event_at,
        false as is_split,
        sequence_number,
        trade_number,
        content_hash,
        order_id,
        fill_id,
        {{ scaled('position_delta') }}::bigint as quantity,
        {{ scaled('price') }}::bigint as price,
        null::bigint as ratio
    from fills

    union all

    select
        restarts.exchange,
        restarts.symbol,
        restarts.strategy_id,
        splits.effective_at as event_at,
        true as is_split,
        null as sequence_number,
        null as trade_number,
        null as content_hash,
        null as order_id,
        null as fill_id,
        0 as quantity,
        0 as price,
        {{ scaled('splits.ratio') }}::bigint as ratio
    from splits
    inner join restarts
        on
            splits.exchange = restarts.exchange
            and splits.symbol = restarts.symbol
            and splits.effective_at >= restarts.restart_at

),

numbered as (

    select
        *,
        row_number() over (
            partition by exchange, symbol, strategy_id
            order by
                event_at asc,
                is_split desc,
                sequence_number asc nulls last,
                trade_number asc nulls last,
                content_hash asc
        ) as step
    from events

),

folded as (

    select
        numbered.exchange,
        numbered.symbol,
        numbered.strategy_id,
        fold_positions(
            coalesce(any_value(beginnings.quantity), 0),
            coalesce(any_value(beginnings.cost), 0),
            coalesce(any_value(beginnings.realized), 0),
            list(
                {
                    'quantity': numbered.quantity,
                    'price': numbered.price,
                    'ratio': numbered.ratio
                }
                order by numbered.step
            )
        ) as states
    from numbered
    left join beginnings
        on
            numbered.exchange = beginnings.exchange
            and numbered.symbol = beginnings.symbol
            and numbered.strategy_id = beginnings.strategy_id
    group by numbered.exchange, numbered.symbol, numbered.strategy_id

),

folded_states as (

    select
        exchange,
        symbol,
        strategy_id,
        unnest(range(1, len(states) + 1)) as step,
        unnest(states) as state
    from folded

),

-- Realised minus cost is what was paid, a whole number of 1e-16: rounding one and deriving the
-- other keeps their sum exact.
rounded as (

    select
        folded_states.*,
        numbered.event_at,
        numbered.is_split,
        numbered.order_id,
        numbered.fill_id,
        {{ rounded('folded_states.state.cost', 16) }} as cost_basis,
        {{ rounded('folded_states.state.realized - folded_states.state.cost', 16) }}
        + {{ rounded('folded_states.state.cost', 16) }} as realized_pnl
    from folded_states
    inner join numbered
        on
            folded_states.exchange = numbered.exchange
            and folded_states.symbol = numbered.symbol
            and folded_states.strategy_id = numbered.strategy_id
            and folded_states.step = numbered.step

),

with_previous as (

    select
        rounded.*,
        coalesce(beginnings.event_number, 0) + rounded.step as event_number,
        beginnings.trip_number as trips_before,
        beginnings.opened_at as opened_before,
        coalesce(
            lag(rounded.state.quantity) over position_history, -- noqa: RF01
            beginnings.quantity,
            0
        ) as previous_quantity,
        coalesce(
            lag(rounded.realized_pnl) over position_history, beginnings.realized_pnl, 0
        ) as previous_realized
    from rounded
    left join beginnings
        on
            rounded.exchange = beginnings.exchange
            and rounded.symbol = beginnings.symbol
            and rounded.strategy_id = beginnings.strategy_id
    window position_history as (
        partition by rounded.exchange, rounded.symbol, rounded.strategy_id order by rounded.step
    )

),

with_openings as (

    select
        *,
        state.quantity <> 0 and sign(state.quantity) <> sign(previous_quantity) as opens
    from with_previous

),

states as (

    select
        exchange,
        symbol,
        strategy_id,
        event_number,
        event_at,
        is_split,
        order_id,
        fill_id,
        state.quantity,
        state.average_price,
        state.cost,
        cost_basis,
        realized_pnl,
        realized_pnl - previous_realized as realized_pnl_delta,
        previous_quantity,
        opens,
        (coalesce(trips_before, 0) + count_if(opens) over position_history)::bigint as trip_number,
        coalesce(
            max(event_at) filter (where opens) over position_history, opened_before
        ) as opened_at,
        -- When the round trip was opened that ends here.
        case
            when previous_quantity <> 0 and (opens or state.quantity = 0)
                then coalesce(max(event_at) filter (where opens) over earlier, opened_before)
        end as ended_opened_at
    from with_openings
    window
        position_history as (
            partition by exchange, symbol, strategy_id order by event_number
            rows between unbounded preceding and current row
        ),
        earlier as (
            partition by exchange, symbol, strategy_id order by event_number
            rows between unbounded preceding and 1 preceding
        )

),

-- A split of what is not held is no event.
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
            states.exchange = fills.exchange
            and states.symbol = fills.symbol
            and states.order_id = fills.order_id
            and states.fill_id = fills.fill_id
    where not states.is_split or states.previous_quantity <> 0

)

select * from final
order by event_at
