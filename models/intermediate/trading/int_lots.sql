-- depends_on: {{ ref('int_round_trips_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{{ config(
    materialized='incremental',
    unique_key=position + ['lot_number'],
    meta={
        'region': {
            'pending': 'int_round_trips_to_restate',
            'by': position[:4],
            'from': 'held_until'
        },
        'time': 'held_until'
    }
) }}

-- Lots with what opened them, and what is left of them in money. Costs are rounded as sums over the
-- lots of a position, so that they add up to what it cost, to the last digit.
with

states as (

    select states.*
    from {{ ref('int_lot_states') }} as states
    {% if is_incremental() %}
        semi join {{ ref('int_round_trips_to_restate') }} as pending
            on
                {{ same_key('states', 'pending', position[:4]) }}
                and states.held_until >= pending.restart_at
    {% endif %}

),

fills as (

    select * from {{ ref('int_lot_fills') }}

),

opened as (

    select
        states.*,
        states.cost as open_cost,
        {{ uuid_v5('fills', "fills.trade_name || coalesce('/' || states.opening_spin_off, '')") }}
            as lot_id,
        -- A lot that a spin-off made had no fill: what that cost stays with the other one.
        if(states.opening_spin_off is null, fills.price, null) as opening_price,
        fills.multiplier,
        coalesce(fills.is_inverse, false) as is_inverse,
        fills.quote_currency,
        if(
            states.opening_spin_off is null, fills.commission - fills.closing_commission, 0
        ) as commission,
        if(states.opening_spin_off is null, fills.fees - fills.closing_fees, 0) as fees,
        sum(states.quantity) over so_far as quantity_so_far,
        sum(states.quantity) over of_all as position_quantity,
        sum(states.cost) over so_far as cost_so_far
    from states
    inner join fills
        on
            {{ same_key('states', 'fills', position[:2] + position[3:]) }}
            and coalesce(states.opening_symbol, states.symbol) = fills.symbol
            and coalesce(states.opening_number, states.lot_number) = fills.event_number
    window
        so_far as (
            partition by {{ columns_of(position, 'states') }}
            order by states.held_until desc, states.lot_number asc
            rows between unbounded preceding and current row
        ),
        of_all as (
            partition by {{ columns_of(position, 'states') }}
        )

),

in_money as (

    select
        *,
        case
            when quantity = 0 then 0
            when position_cost is null then null
            when lot_method = 'average'
                then {{ share_of(
                    in_money('position_cost', 'multiplier'), 'quantity_so_far', 'position_quantity'
                ) }}
            else {{ rounded(in_money('cost_so_far', 'multiplier'), 8) }}
        end as money_so_far
    from opened

),

with_costs as (

    select
        *,
        coalesce(
            lag(money_so_far) over (
                partition by {{ columns_of(position) }}, held_until
                order by lot_number
            ),
            0
        ) as money_before
    from in_money

),

final as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        lot_number,
        lot_id,
        is_moved,
        lot_method,
        opened_at,
        held_until,
        opening_price,
        opened_quantity,
        quantity,
        case
            when not is_inverse then unit_cost
            when lot_method = 'average'
                then {{ inverse_price('position_quantity', 'position_cost') }}
            else {{ inverse_price('quantity', 'open_cost') }}
        end as unit_cost,
        if(
            quantity = 0, 0, (money_so_far - money_before) * if(is_inverse, -1, 1)
        )::decimal(38, 8) as cost,
        commission::decimal(38, 16) as commission,
        fees::decimal(38, 16) as fees,
        multiplier,
        is_inverse,
        quote_currency
    from with_costs

)

select * from final
order by held_until
