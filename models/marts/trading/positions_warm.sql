-- depends_on: {{ ref('int_valuations_to_restate') }}
{{
    config(
        schema='warm',
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ forget_cold_positions() }}", "{{ forget_valuations() }}"],
        post_hook=[
            "{{ forget_what_was_not_built('positions', 'position_id') }}",
            "{{ remember_valuation('int_position_drawdowns') }}"
        ]
    )
}}
{% set changed_from = revalued_from() %}

with

valuations as (

    select * from {{ ref('int_position_valuations') }}
    where is_published and snapshot_time >= {{ changed_from }}

),

drawdowns as (

    select * from {{ ref('int_position_drawdowns') }}
    where snapshot_time >= {{ changed_from }}

),

pending as (

    select
        valuations.*,
        drawdowns.deepest_fall,
        drawdowns.largest_cost,
        {{ rounded(
            'if(valuations.quantity = 0, 0, valuations.market_value - valuations.cost_basis)', 16
        ) }} as unrealized,
        {{ rounded('valuations.realized_pnl', 16) }} as realized,
        {{ rounded('abs(valuations.cost_basis)', 16) }} as cost
    from valuations
    inner join drawdowns
        on
            valuations.exchange = drawdowns.exchange
            and valuations.symbol = drawdowns.symbol
            and valuations.strategy_id = drawdowns.strategy_id
            and valuations.snapshot_time = drawdowns.snapshot_time
    {% if is_incremental() %}
        left join ({{ revaluations() }}) as restarts
            on
                valuations.exchange = restarts.exchange
                and valuations.symbol = restarts.symbol
                and valuations.strategy_id = restarts.strategy_id
        where
            valuations.snapshot_time >= restarts.restart_at
            or valuations.snapshot_time > {{ valued_until() }}
    {% endif %}

),

final as (

    select
        {{ stable_id(['exchange', 'symbol', 'strategy_id', 'snapshot_time']) }} as position_id,
        exchange,
        symbol,
        strategy_id,
        case
            when quantity > 0 then 'long'
            when quantity < 0 then 'short'
            else 'flat'
        end as side,
        quantity::decimal(18, 8) as quantity,
        average_price::decimal(18, 8) as average_entry_price,
        opened_at as first_entry_time,
        current_price,
        {{ rounded('if(quantity = 0, 0, market_value)', 8) }} as market_value,
        {{ rounded('unrealized', 8) }} as unrealized_pnl,
        {{ percentage('unrealized', 'if(cost_basis * sign(quantity) < 0, -cost, cost)') }}
            as unrealized_pnl_pct,
        {{ rounded('realized', 8) }} as realized_pnl,
        {{ rounded('cost', 8) }} as total_cost_basis,
        {{ rounded('deepest_fall', 8) }} as max_drawdown,
        {{ percentage('deepest_fall', 'largest_cost') }} as max_drawdown_pct,
        snapshot_time,
        opened_at,
        if(quantity = 0, snapshot_time, null) as closed_at,
        correlation_id,
        is_fill,
        trip_number
    from pending

)

select * from final
order by snapshot_time
