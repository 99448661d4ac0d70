-- depends_on: {{ ref('int_positions_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{{ config(
    schema='warm',
    materialized='incremental',
    unique_key='trade_id',
    meta={
        'region': {
            'pending': 'int_positions_to_restate',
            'by': position[:4],
            'from': 'executed_at'
        },
        'time': 'executed_at',
        'cold': {'relation': 'trades', 'id': 'trade_id'}
    }
) }}

with

states as (

    select * from {{ ref('int_position_states') }}
    where not is_split and transfer is null and action is null

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

shared_trades as (

    select * from {{ ref('int_shared_trade_ids') }}

),

joined as (

    select
        states.*,
        coalesce(shared_trades.trade_name, states.trade_id, states.fill_id) as trade_name,
        {{ order_name('states.order_id') }} as order_name,
        instruments.multiplier
    from states
    inner join instruments
        on states.exchange = instruments.exchange and states.symbol = instruments.symbol
    left join shared_trades
        on {{ same_key('states', 'shared_trades', position[:3] + ['order_id', 'fill_id']) }}
    {% if is_incremental() %}
        semi join {{ ref('int_positions_to_restate') }} as pending
            on
                {{ same_key('states', 'pending', position[:4]) }}
                and states.event_at >= pending.restart_at
    {% endif %}

),

final as (

    select
        {{ uuid_v5('joined', 'trade_name') }} as trade_id,
        {{ uuid_v5('joined', 'order_name') }} as order_id,
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
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
            {{ rounded(in_money('realized_pnl_delta', 'multiplier'), 8) }},
            null
        ) as realized_pnl,
        exchange_trade_id,
        correlation_id,
        trade_id as source_trade_id,
        order_id as source_order_id,
        corrected_at
    from joined

)

select * from final
order by executed_at
