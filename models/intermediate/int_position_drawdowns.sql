-- depends_on: {{ ref('int_valuations_to_restate') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=["{{ forget_valuations() }}", "{{ forget_newest_valuations() }}"],
        post_hook="{{ remember_valuation('int_position_valuations') }}"
    )
}}
{% set known_until = continued_from() %}

-- How far each position had fallen from its best since it was opened, over the rows of `positions`.
with

valuations as (

    select * from {{ ref('int_position_valuations') }}
    where is_published and snapshot_time > {{ known_until }}

),

{% if is_incremental() %}
    last_rows as (

        select *
        from {{ this }}
        where snapshot_time >= {{ known_until }}
        qualify
            row_number() over (
                partition by exchange, symbol, strategy_id order by snapshot_time desc
            ) = 1

    ),
{% else %}
    last_rows as (

        select
            exchange,
            symbol,
            strategy_id,
            trip_number,
            snapshot_time,
            0::decimal(38, 16) as peak_pnl,
            0::decimal(38, 16) as deepest_fall,
            0::decimal(38, 16) as largest_cost
        from valuations
        where false

    ),
{% endif %}

-- What has no row yet, with what its position had reached before.
pending as (

    select
        valuations.exchange,
        valuations.symbol,
        valuations.strategy_id,
        valuations.trip_number,
        valuations.snapshot_time,
        {{ rounded('valuations.realized_pnl', 16) }} as realized,
        {{ rounded(
            'if(valuations.quantity = 0, 0, valuations.market_value - valuations.cost_basis)', 16
        ) }} as unrealized,
        {{ rounded('abs(valuations.cost_basis)', 16) }} as cost,
        trips.peak_pnl as peak_before,
        trips.deepest_fall as fall_before,
        trips.largest_cost as cost_before
    from valuations
    left join last_rows
        on
            valuations.exchange = last_rows.exchange
            and valuations.symbol = last_rows.symbol
            and valuations.strategy_id = last_rows.strategy_id
    left join last_rows as trips
        on
            valuations.exchange = trips.exchange
            and valuations.symbol = trips.symbol
            and valuations.strategy_id = trips.strategy_id
            and valuations.trip_number = trips.trip_number
    where last_rows.snapshot_time is null or valuations.snapshot_time > last_rows.snapshot_time

),

with_peak as (

    select
        *,
        realized + unrealized as pnl,
        greatest(peak_before, max(realized + unrealized) over round_trip) as peak_pnl,
        greatest(cost_before, max(cost) over round_trip) as largest_cost
    from pending
    window round_trip as (
        partition by exchange, symbol, strategy_id, trip_number order by snapshot_time
        rows between unbounded preceding and current row
    )

),

final as (

    select
        exchange,
        symbol,
        strategy_id,
        trip_number,
        snapshot_time,
        peak_pnl,
        greatest(fall_before, max(peak_pnl - pnl) over round_trip) as deepest_fall,
        largest_cost
    from with_peak
    window round_trip as (
        partition by exchange, symbol, strategy_id, trip_number order by snapshot_time
        rows between unbounded preceding and current row
    )

)

select * from final
order by snapshot_time
