-- depends_on: {{ ref('int_position_restarts') }}
{{
    config(
        schema='warm',
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=[
            "{{ forget_cold_trades_from_restart() }}", "{{ forget_from_restart('executed_at') }}"
        ],
        post_hook=[
            "{{ forget_what_was_not_built('trades', 'trade_id') }}",
            "{{ remember_batch_of('int_position_states') }}"
        ]
    )
}}

with

fills as (

    select * from {{ ref('int_position_fills') }}

),

states as (

    select * from {{ ref('int_position_states') }}

),

{% if is_incremental() %}
    restarts as ({{ position_restarts() }}),
{% endif %}

changed_states as (

    select states.*
    from states
    {% if is_incremental() %}
        inner join restarts
            on
                states.exchange = restarts.exchange
                and states.symbol = restarts.symbol
                and states.strategy_id = restarts.strategy_id
                and states.event_at >= restarts.restart_at
    {% endif %}

),

final as (

    select
        {{ uuid_v5('fills.exchange', 'fills.symbol', 'coalesce(fills.trade_id, fills.fill_id)') }}
            as trade_id,
        {{ uuid_v5('fills.exchange', 'fills.symbol', 'fills.order_id') }} as order_id,
        fills.exchange,
        fills.symbol,
        fills.strategy_id,
        fills.side,
        fills.quantity,
        fills.price,
        fills.executed_at,
        fills.reported_at,
        fills.commission,
        fills.commission_currency,
        fills.fees,
        -- Set where the fill closes something.
        if(
            sign(changed_states.previous_quantity) * sign(fills.held_quantity) < 0,
            {{ rounded('changed_states.own_realized_pnl * fills.multiplier', 8) }},
            null
        ) as realized_pnl,
        fills.exchange_trade_id,
        fills.correlation_id,
        fills.trade_id as source_trade_id,
        fills.order_id as source_order_id,
        fills.corrected_at
    from changed_states
    inner join fills
        on
            changed_states.exchange = fills.exchange
            and changed_states.symbol = fills.symbol
            and changed_states.order_id = fills.order_id
            and changed_states.fill_id = fills.fill_id

)

select * from final
