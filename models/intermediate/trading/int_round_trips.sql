-- depends_on: {{ ref('int_round_trips_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{{ config(
    materialized='incremental',
    unique_key='round_trip_id',
    meta={
        'region': {
            'pending': 'int_round_trips_to_restate',
            'by': position[:4],
            'from': 'closed_at'
        },
        'time': 'closed_at'
    }
) }}

with

legs as {{ not_materialized() }} (

    select * from {{ ref('int_round_trip_legs') }}

),

ended as (

    select
        legs.account_id,
        legs.exchange,
        legs.symbol,
        legs.strategy_id,
        legs.position_side,
        legs.trip_number,
        legs.opened_at
    from legs
    {% if is_incremental() %}
        semi join {{ ref('int_round_trips_to_restate') }} as pending
            on
                {{ same_key('legs', 'pending', position[:4]) }}
                and legs.event_at >= pending.restart_at
    {% endif %}
    where legs.ends

),

lineages as (

    select * from {{ ref('int_trip_lineages') }}

),

-- One that went on under a new symbol is one, of the symbol under which it ended.
parts as (

    select
        *,
        symbol as part_symbol,
        trip_number as part_number
    from ended
    union all
    select
        -- all of it, also what was before the new symbol was held
        ended.* replace (timestamp '1970-01-01' as opened_at),
        lineages.former_symbol as part_symbol,
        lineages.former_trip_number as part_number
    from ended
    inner join lineages on {{ same_key('ended', 'lineages', position + ['trip_number']) }}

),

trips as (

    select
        parts.account_id,
        parts.exchange,
        parts.symbol,
        parts.strategy_id,
        parts.position_side,
        parts.trip_number,
        if(any_value(legs.side) filter (where legs.opens) = 'buy', 'long', 'short') as side,
        any_value(legs.quote_currency) as currency,
        min(legs.event_at) as opened_at,
        max(legs.event_at) as closed_at,
        count_if(legs.is_transfer is not true) as fills,
        sum(legs.entered) as entered_quantity,
        sum(legs.exited) as exited_quantity,
        {{ sum_if_known(notional('legs.entered', 'legs.price')) }} as entered_notional,
        {{ sum_if_known(notional('legs.exited', 'legs.price')) }} as exited_notional,
        bool_or(legs.is_inverse) as is_inverse,
        {% for way in ['entered', 'exited'] %}
            -- A filter would divide first, for every leg.
            sum(
                if(legs.is_inverse, {{ inverse_cost('legs.' ~ way, 'legs.price') }}, null)
            ) as {{ way }}_cost,
        {% endfor %}
        sum({{ scaled_wide('legs.entered') }}) as entered_units,
        sum({{ scaled_wide('legs.exited') }}) as exited_units,
        {{ sum_if_known('legs.realized_pnl') }} as realized_pnl,
        {{ sum_if_known('legs.commission') }} as commission,
        sum(legs.fees) as fees
    from legs
    inner join parts
        on
            {{ same_key('legs', 'parts', position[:2] + position[3:]) }}
            and legs.symbol = parts.part_symbol
            and legs.trip_number = parts.part_number
            and legs.event_at >= parts.opened_at
    group by {{ columns_of(position, 'parts') }}, parts.trip_number

),

final as (

    select
        {{ stable_id([
            named_account(), 'exchange', 'symbol', 'strategy_id', 'trip_number', hedged_side()
        ]) }} as round_trip_id,
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        trip_number,
        side,
        opened_at,
        closed_at,
        fills::integer as fills,
        entered_quantity::decimal(38, 10) as entered_quantity,
        exited_quantity::decimal(38, 10) as exited_quantity,
        {% for way, name in [('entered', 'entry'), ('exited', 'exit')] %}
            if(
                is_inverse,
                {{ inverse_price(way ~ '_quantity', way ~ '_cost') }},
                {{ average_price(way ~ '_notional', way ~ '_units') }}
            )::decimal(28, 10) as average_{{ name }}_price,
        {% endfor %}
        realized_pnl::decimal(38, 8) as realized_pnl,
        commission::decimal(38, 8) as commission,
        fees::decimal(38, 8) as fees,
        currency
    from trips

)

select * from final
order by closed_at
