-- depends_on: {{ ref('int_positions_to_restate') }} {{ ref('int_valuations_to_restate') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ forget_trips('event_at') }}",
        post_hook="{{ remember_valuation('int_position_states') }}"
    )
}}

-- What each fill did to a round trip. A fill through zero belongs to two: to the one it closes with
-- the share that closes it, to the one it opens with the rest.
with

charged_fills as (

    select charged.*
    from {{ ref('int_fill_commissions') }} as charged
    {% if is_incremental() %}
        inner join ({{ trip_restarts() }}) as restarts
            on
                charged.exchange = restarts.exchange
                and charged.symbol = restarts.symbol
                and charged.strategy_id = restarts.strategy_id
                and charged.event_at >= restarts.restart_at
        where charged.event_at >= {{ trip_restarts_since() }}
    {% endif %}

),

fills as (

    select
        exchange,
        symbol,
        strategy_id,
        trip_number,
        event_number,
        event_at,
        opened_at,
        opens,
        side,
        price,
        quote_currency,
        abs(previous_quantity) as previous_size,
        abs(quantity) as size,
        abs(position_delta)::decimal(38, 8) as filled_size,
        quantity = 0 as is_flat,
        opens and previous_quantity <> 0 as flips,
        sign(previous_quantity) * sign(position_delta) < 0 as closes,
        realized_pnl_delta * multiplier as realized_pnl,
        if(is_converted, commission, 0)::decimal(38, 16) as commission,
        fees::decimal(38, 16) as fees
    from charged_fills
    where trip_number > 0 and position_delta <> 0

),

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
    from fills
    where flips

),

final as (

    select
        exchange,
        symbol,
        strategy_id,
        trip_number,
        event_at,
        opens,
        is_flat as ends,
        side,
        price,
        quote_currency,
        if(closes, 0, filled_size) as entered,
        if(closes, filled_size, 0) as exited,
        realized_pnl,
        commission,
        fees
    from fills
    where not flips

    union all

    select
        exchange,
        symbol,
        strategy_id,
        trip_number - 1 as trip_number,
        event_at,
        false as opens,
        true as ends,
        side,
        price,
        quote_currency,
        0 as entered,
        previous_size as exited,
        realized_pnl,
        closing_commission as commission,
        closing_fees as fees
    from flips

    union all

    select
        exchange,
        symbol,
        strategy_id,
        trip_number,
        event_at,
        true as opens,
        false as ends,
        side,
        price,
        quote_currency,
        size as entered,
        0 as exited,
        0 as realized_pnl,
        commission - closing_commission as commission,
        fees - closing_fees as fees
    from flips

)

select * from final
order by event_at
