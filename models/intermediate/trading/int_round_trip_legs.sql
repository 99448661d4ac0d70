-- depends_on: {{ ref('int_round_trips_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{{ config(
    materialized='incremental',
    unique_key=position + ['event_number', 'trip_number'],
    meta={
        'region': {'pending': 'int_round_trips_to_restate', 'by': position[:4], 'from': 'event_at'},
        'time': 'event_at'
    }
) }}

-- What each fill did to a round trip. A fill through zero belongs to two: to the one it closes with
-- the share that closes it, to the one it opens with the rest.
with

charged_fills as (

    select commissions.*
    from {{ ref('int_fill_commissions') }} as commissions
    {% if is_incremental() %}
        semi join {{ ref('int_round_trips_to_restate') }} as pending
            on
                {{ same_key('commissions', 'pending', position[:4]) }}
                and commissions.event_at >= pending.restart_at
    {% endif %}

),

fills as (

    select
        {{ columns_of(position) }},
        trip_number,
        event_number,
        event_at,
        opened_at,
        ended_opened_at,
        opens,
        side,
        price,
        quote_currency,
        is_inverse,
        transfer is not null or action is not null as is_transfer,
        action = 'symbol_in' as takes_over,
        abs(previous_quantity) as previous_size,
        abs(quantity) as size,
        abs(position_delta)::decimal(38, 10) as filled_size,
        quantity = 0 as is_flat,
        opens and previous_quantity <> 0 as flips,
        sign(previous_quantity) * sign(position_delta) < 0 as closes,
        {{ realized_in_money(money=column_in_money) }} as realized_pnl,
        if(is_converted, commission, 0)::decimal(38, 16) as commission,
        fees::decimal(38, 16) as fees
    from charged_fills
    where trip_number > 0 and position_delta <> 0

),

flips as (

    select
        *,
        {{ exact_share_of('commission', 'previous_size', 'filled_size') }} as closing_commission,
        {{ exact_share_of('fees', 'previous_size', 'filled_size') }} as closing_fees
    from fills
    where flips

),

final as (

    select
        {{ columns_of(position) }},
        trip_number,
        event_number,
        event_at,
        opened_at,
        opens,
        is_flat as ends,
        side,
        price,
        quote_currency,
        is_inverse,
        is_transfer,
        if(closes, 0, filled_size) as entered,
        if(closes, filled_size, 0) as exited,
        realized_pnl,
        commission,
        fees
    from fills
    where not flips

    union all

    select
        {{ columns_of(position) }},
        trip_number - 1 as trip_number,
        event_number,
        event_at,
        ended_opened_at as opened_at,
        false as opens,
        true as ends,
        side,
        price,
        quote_currency,
        is_inverse,
        is_transfer,
        0 as entered,
        previous_size as exited,
        realized_pnl,
        closing_commission as commission,
        closing_fees as fees
    from flips

    union all

    select
        {{ columns_of(position) }},
        trip_number,
        event_number,
        event_at,
        opened_at,
        true as opens,
        false as ends,
        side,
        price,
        quote_currency,
        is_inverse,
        is_transfer,
        -- What a new symbol takes over was entered under the former one.
        if(takes_over, 0, size) as entered,
        0 as exited,
        0 as realized_pnl,
        commission - closing_commission as commission,
        fees - closing_fees as fees
    from flips

)

select * from final
order by event_at
