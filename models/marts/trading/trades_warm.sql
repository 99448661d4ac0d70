-- depends_on: {{ ref('int_positions_to_restate') }}
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
            "{{ remember_batch_of(['int_position_states', 'int_positions_to_restate']) }}"
        ]
    )
}}

with

states as (

    select * from {{ ref('int_position_states') }}
    where not is_split

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

pending as (

    select
        states.*,
        instruments.multiplier
    from states
    inner join instruments
        on states.exchange = instruments.exchange and states.symbol = instruments.symbol
    {% if is_incremental() %}
        inner join ({{ position_restarts() }}) as restarts
            on
                states.exchange = restarts.exchange
                and states.symbol = restarts.symbol
                and states.strategy_id = restarts.strategy_id
                and states.event_at >= restarts.restart_at
        where states.event_at >= {{ position_restarts_since() }}
    {% endif %}

),

final as (

    select
        {{ uuid_v5('exchange', 'symbol', 'coalesce(trade_id, fill_id)') }} as trade_id,
        {{ uuid_v5('exchange', 'symbol', 'order_id') }} as order_id,
        exchange,
        symbol,
        strategy_id,
        side,
        fill_quantity as quantity,
        price,
        event_at as executed_at,
        reported_at,
        commission,
        commission_currency,
        fees,
        -- Set where the fill closes something.
        if(
            sign(previous_quantity) * sign(position_delta) < 0,
            {{ rounded('realized_pnl_delta * multiplier', 8) }},
            null
        ) as realized_pnl,
        exchange_trade_id,
        correlation_id,
        trade_id as source_trade_id,
        order_id as source_order_id,
        corrected_at
    from pending

)

select * from final
order by executed_at
