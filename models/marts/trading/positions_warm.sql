-- depends_on: {{ ref('int_valuation_restarts') }}
{{
    config(
        schema='warm',
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ forget_cold_positions() }}", "{{ forget_from_revaluation() }}"],
        post_hook=[
            "{{ forget_what_was_not_built('positions', 'position_id') }}",
            "{{ remember_valuation('int_position_valuations', [ref('int_mark_prices'), 'built_batch_id']) }}"
        ]
    )
}}

with

valuations as (

    select * from {{ ref('int_position_valuations') }}
    where is_published

),

{% if is_incremental() %}
    last_rows as (

        select
            exchange,
            symbol,
            strategy_id,
            max(snapshot_time) as snapshot_time,
            arg_max(
                {
                    'trip_number': trip_number,
                    'peak_pnl': peak_pnl,
                    'deepest_fall': deepest_fall,
                    'largest_cost': largest_cost
                },
                snapshot_time
            ) as row
        from {{ this }}
        group by exchange, symbol, strategy_id

    ),
{% endif %}

-- What has no row yet, with what its position had reached before.
pending as (

    select
        valuations.*,
        {{ rounded('if(quantity = 0, 0, market_value - cost_basis)', 16) }} as unrealized,
        {{ rounded('realized_pnl', 16) }} as realized,
        {{ rounded('abs(cost_basis)', 16) }} as cost,
        {% if is_incremental() %}
            if(
                last_rows.row.trip_number = valuations.trip_number, last_rows.row, null
            ) as before
        {% else %}
            {
                'peak_pnl': null::decimal(38, 16),
                'deepest_fall': null::decimal(38, 16),
                'largest_cost': null::decimal(38, 16)
            } as before
        {% endif %}
    from valuations
    {% if is_incremental() %}
        left join last_rows
            on
                valuations.exchange = last_rows.exchange
                and valuations.symbol = last_rows.symbol
                and valuations.strategy_id = last_rows.strategy_id
        where
            last_rows.snapshot_time is null
            or valuations.snapshot_time > last_rows.snapshot_time
    {% endif %}

),

with_peak as (

    select
        *,
        realized + unrealized as pnl,
        greatest(
            before.peak_pnl, max(realized + unrealized) over round_trip
        ) as peak_pnl,
        greatest(
            before.largest_cost, max(cost) over round_trip
        ) as largest_cost
    from pending
    window round_trip as (
        partition by exchange, symbol, strategy_id, trip_number order by snapshot_time
        rows between unbounded preceding and current row
    )

),

with_fall as (

    select
        *,
        greatest(before.deepest_fall, max(peak_pnl - pnl) over round_trip) as deepest_fall
    from with_peak
    window round_trip as (
        partition by exchange, symbol, strategy_id, trip_number order by snapshot_time
        rows between unbounded preceding and current row
    )

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
        trip_number,
        peak_pnl,
        deepest_fall,
        largest_cost
    from with_fall

)

select * from final
