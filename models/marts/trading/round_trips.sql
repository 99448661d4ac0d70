-- depends_on: {{ ref('int_position_restarts') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ forget_from_restart('closed_at') }}",
        post_hook="{{ remember_batch_of('int_position_states') }}"
    )
}}

with

fills as (

    select * from {{ ref('int_position_fills') }}

),

states as (

    select * from {{ ref('int_position_states') }}
    where not is_split

),

charges as (

    select * from {{ ref('int_fill_charges') }}
    where is_converted

),

{% if is_incremental() %}
    finished as (

        select
            exchange,
            symbol,
            strategy_id,
            max(trip_number) as trip_number
        from {{ this }}
        group by exchange, symbol, strategy_id

    ),
{% endif %}

pending_states as (

    select
        states.*,
        {% if is_incremental() %} coalesce(finished.trip_number, 0) {% else %} 0 {% endif %}
            as finished_trip
    from states
    {% if is_incremental() %}
        left join finished
            on
                states.exchange = finished.exchange
                and states.symbol = finished.symbol
                and states.strategy_id = finished.strategy_id
        where states.trip_number > coalesce(finished.trip_number, 0)
    {% endif %}

),

steps as (

    select
        states.exchange,
        states.symbol,
        states.strategy_id,
        states.trip_number,
        states.finished_trip,
        states.event_at,
        states.opened_at,
        states.opens,
        fills.side,
        fills.price,
        fills.multiplier,
        fills.quote_currency,
        abs(states.previous_quantity) as previous_size,
        abs(states.quantity) as size,
        abs(fills.held_quantity)::decimal(38, 8) as filled_size,
        states.quantity = 0 as is_flat,
        states.opens and states.previous_quantity <> 0 as flips,
        sign(states.previous_quantity) * sign(fills.held_quantity) < 0 as closes,
        states.own_realized_pnl * fills.multiplier as realized_pnl,
        coalesce(charges.commission, 0)::decimal(38, 16) as commission,
        fills.fees::decimal(38, 16) as fees
    from pending_states as states
    inner join fills
        on
            states.exchange = fills.exchange
            and states.symbol = fills.symbol
            and states.order_id = fills.order_id
            and states.fill_id = fills.fill_id
    left join charges
        on
            states.exchange = charges.exchange
            and states.symbol = charges.symbol
            and states.order_id = charges.order_id
            and states.fill_id = charges.fill_id

),

-- A fill through zero belongs to two trips: to the one it closes with the share that closes it.
flips as (

    select
        *,
        {{ divide_exactly(
            scaled('commission') ~ ' * ' ~ scaled('previous_size'),
            scaled('filled_size') ~ ' * 100000000', 8
        ) }} as closing_commission,
        {{ divide_exactly(
            scaled('fees') ~ ' * ' ~ scaled('previous_size'),
            scaled('filled_size') ~ ' * 100000000', 8
        ) }} as closing_fees
    from steps
    where flips

),

legs as (

    select
        exchange,
        symbol,
        strategy_id,
        trip_number,
        event_at,
        opens,
        side,
        price,
        multiplier,
        quote_currency,
        if(closes, 0, filled_size) as entered,
        if(closes, filled_size, 0) as exited,
        realized_pnl,
        commission,
        fees,
        is_flat as ends
    from steps
    where not flips and trip_number > 0 and filled_size <> 0

    union all

    select
        exchange,
        symbol,
        strategy_id,
        trip_number - 1 as trip_number,
        event_at,
        false as opens,
        side,
        price,
        multiplier,
        quote_currency,
        0 as entered,
        previous_size as exited,
        realized_pnl,
        closing_commission as commission,
        closing_fees as fees,
        true as ends
    from flips
    where trip_number - 1 > finished_trip

    union all

    select
        exchange,
        symbol,
        strategy_id,
        trip_number,
        event_at,
        true as opens,
        side,
        price,
        multiplier,
        quote_currency,
        size as entered,
        0 as exited,
        0 as realized_pnl,
        commission - closing_commission as commission,
        fees - closing_fees as fees,
        false as ends
    from flips

),

trips as (

    select
        exchange,
        symbol,
        strategy_id,
        trip_number,
        if(any_value(side) filter (where opens) = 'buy', 'long', 'short') as side,
        any_value(quote_currency) as currency,
        min(event_at) as opened_at,
        max(event_at) filter (where ends) as closed_at,
        count(*) as fills,
        sum(entered) as entered_quantity,
        sum(exited) as exited_quantity,
        sum({{ scaled('entered') }} * {{ scaled('price') }}) as entered_notional,
        sum({{ scaled('exited') }} * {{ scaled('price') }}) as exited_notional,
        sum(realized_pnl) as realized_pnl,
        sum(commission) as commission,
        sum(fees) as fees
    from legs
    group by exchange, symbol, strategy_id, trip_number

),

final as (

    select
        {{ stable_id(['exchange', 'symbol', 'strategy_id', 'trip_number']) }} as round_trip_id,
        exchange,
        symbol,
        strategy_id,
        trip_number,
        side,
        opened_at,
        closed_at,
        fills::integer as fills,
        entered_quantity::decimal(18, 8) as entered_quantity,
        exited_quantity::decimal(18, 8) as exited_quantity,
        {{ divide_exactly('entered_notional', scaled('entered_quantity') ~ ' * 100000000', 8) }}
        ::decimal(18, 8) as average_entry_price,
        {{ divide_exactly('exited_notional', scaled('exited_quantity') ~ ' * 100000000', 8) }}
        ::decimal(18, 8) as average_exit_price,
        realized_pnl::decimal(18, 8) as realized_pnl,
        commission::decimal(18, 8) as commission,
        fees::decimal(18, 8) as fees,
        (
            realized_pnl::decimal(38, 16) - commission::decimal(38, 16) - fees::decimal(38, 16)
        )::decimal(18, 8) as net_pnl,
        currency
    from trips

)

select * from final
