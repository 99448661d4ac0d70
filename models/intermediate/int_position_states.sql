-- depends_on: {{ ref('int_position_restarts') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ forget_from_restart('event_at') }}",
        post_hook="{{ remember_batch_of('int_fills') }}"
    )
}}

with

fills as (

    select * from {{ ref('int_position_fills') }}

),

splits as (

    select * from {{ ref('stg_corporate_actions') }}
    where kind = 'split'

),

held as (

    select distinct
        exchange,
        symbol,
        strategy_id
    from fills

),

events as (

    select
        exchange,
        symbol,
        strategy_id,
        order_id,
        fill_id,
        correlation_id,
        executed_at as event_at,
        sequence_number,
        trade_number,
        content_hash,
        false as is_split,
        {{ scaled('held_quantity') }}::bigint as quantity,
        {{ scaled('price') }}::bigint as price,
        null::bigint as ratio
    from fills

    union all

    select
        held.exchange,
        held.symbol,
        held.strategy_id,
        null as order_id,
        null as fill_id,
        null as correlation_id,
        splits.effective_at as event_at,
        null as sequence_number,
        null as trade_number,
        null as content_hash,
        true as is_split,
        0 as quantity,
        0 as price,
        {{ scaled('splits.ratio') }}::bigint as ratio
    from splits
    inner join held
        on splits.exchange = held.exchange and splits.symbol = held.symbol

),

{% if is_incremental() %}
    last_states as (

        select
            exchange,
            symbol,
            strategy_id,
            max(event_at) as event_at,
            max(event_number) as event_number,
            arg_max(
                {
                    'quantity': quantity,
                    'cost': cost,
                    'realized': realized_pnl - cost_basis + cost,
                    'trip_number': trip_number,
                    'opened_at': opened_at
                },
                event_number
            ) as state
        from {{ this }}
        group by exchange, symbol, strategy_id

    ),
{% else %}
    last_states as (

        select
            exchange,
            symbol,
            strategy_id,
            null::timestamp as event_at,
            0::bigint as event_number,
            {
                'quantity': 0::decimal(38, 8),
                'cost': 0::decimal(38, 24),
                'realized': 0::decimal(38, 24),
                'trip_number': 0::bigint,
                'opened_at': null::timestamp
            } as state
        from held

    ),
{% endif %}

-- What has no state yet, with the state it begins from.
pending as (

    select
        events.exchange,
        events.symbol,
        events.strategy_id,
        any_value(last_states.state) as state,
        coalesce(any_value(last_states.event_number), 0) as event_number,
        list(
            {
                'event': {
                    'order_id': events.order_id,
                    'fill_id': events.fill_id,
                    'correlation_id': events.correlation_id,
                    'event_at': events.event_at,
                    'is_split': events.is_split
                },
                'change': {
                    'quantity': events.quantity,
                    'price': events.price,
                    'ratio': events.ratio
                }
            }
            order by
                events.event_at asc,
                events.is_split desc,
                events.sequence_number asc nulls last,
                events.trade_number asc nulls last,
                events.content_hash asc
        ) as events
    from events
    left join last_states
        on
            events.exchange = last_states.exchange
            and events.symbol = last_states.symbol
            and events.strategy_id = last_states.strategy_id
    where last_states.event_at is null or events.event_at > last_states.event_at
    group by events.exchange, events.symbol, events.strategy_id

),

folded as (

    select
        exchange,
        symbol,
        strategy_id,
        event_number,
        state as before,
        list_transform(events, lambda item: item.event) as events,
        fold_positions(
            coalesce(state.quantity, 0),
            coalesce(state.cost, 0),
            coalesce(state.realized, 0),
            list_transform(events, lambda item: item.change)
        ) as states
    from pending

),

steps as (

    select
        exchange,
        symbol,
        strategy_id,
        before,
        event_number + unnest(range(1, len(events) + 1)) as event_number,
        unnest(events) as event,
        unnest(states) as state
    from folded

),

-- Realised minus cost is what was paid, a whole number of 1e-16: rounding one and deriving the
-- other keeps their sum exact.
rounded as (

    select
        *,
        {{ rounded('state.cost', 16) }} as cost_basis,
        {{ rounded('state.realized - state.cost', 16) }}
        + {{ rounded('state.cost', 16) }} as realized_pnl
    from steps

),

with_previous as (

    select
        *,
        coalesce(
            lag(state.quantity) over position_history, before.quantity, 0
        ) as previous_quantity,
        coalesce(
            lag(realized_pnl) over position_history,
            {{ rounded('before.realized - before.cost', 16) }} + {{ rounded('before.cost', 16) }},
            0
        ) as previous_realized
    from rounded
    window position_history as (
        partition by exchange, symbol, strategy_id order by event_number
    )

),

with_openings as (

    select
        *,
        state.quantity <> 0 and sign(state.quantity) <> sign(previous_quantity) as opens
    from with_previous

),

final as (

    select
        exchange,
        symbol,
        strategy_id,
        event_number,
        event.event_at,
        event.is_split,
        event.order_id,
        event.fill_id,
        event.correlation_id,
        state.quantity,
        state.average_price,
        state.cost,
        cost_basis,
        realized_pnl,
        realized_pnl - previous_realized as own_realized_pnl,
        previous_quantity,
        opens,
        coalesce(before.trip_number, 0)
        + count_if(opens) over position_history as trip_number,
        coalesce(
            max(event.event_at) filter (where opens) over position_history, before.opened_at
        ) as opened_at
    from with_openings
    window position_history as (
        partition by exchange, symbol, strategy_id order by event_number
        rows between unbounded preceding and current row
    )

)

select * from final
