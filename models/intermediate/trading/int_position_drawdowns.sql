-- depends_on: {{ ref('int_valuations_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{% set interval = "interval '" ~ var('position_mark_interval') ~ "'" %}
{{ config(
    materialized='incremental',
    unique_key=position + ['snapshot_time'],
    meta={
        'region': {
            'pending': 'int_valuations_to_restate',
            'by': position[:4],
            'from': 'snapshot_time'
        },
        'time': 'snapshot_time'
    }
) }}

-- How far each position had fallen from its best since it was opened, over the rows of `positions`.
with

valuations as (

    select valuations.*
    from {{ ref('int_position_valuations') }} as valuations
    {% if is_incremental() %}
        semi join {{ ref('int_valuations_to_restate') }} as pending
            on
                {{ same_key('valuations', 'pending', position[:4]) }}
                and valuations.snapshot_time >= pending.restart_at
    {% endif %}
    where
        valuations.is_published
        -- What is paid after the end of a trip moves no price.
        and coalesce(valuations.closed_at, valuations.snapshot_time) = valuations.snapshot_time

),

{% if is_incremental() %}

    -- One that is open has a row at every mark: none that can be continued is older than an
    -- interval.
    last_rows as (

        select drawdowns.*
        from {{ this }} as drawdowns
        inner join {{ ref('int_valuations_to_restate') }} as pending
            on
                {{ same_key('drawdowns', 'pending', position[:4]) }}
                and drawdowns.snapshot_time < pending.restart_at
                and drawdowns.snapshot_time >= pending.restart_at - {{ interval }}
        qualify
            row_number() over (
                partition by {{ columns_of(position, 'drawdowns') }}
                order by drawdowns.snapshot_time desc
            ) = 1

    ),

{% else %}
    last_rows as (

        select
            account_id,
            exchange,
            symbol,
            strategy_id,
            position_side,
            trip_number,
            snapshot_time,
            0::decimal(38, 16) as peak_pnl,
            0::decimal(38, 16) as deepest_fall,
            0::decimal(38, 16) as largest_cost
        from valuations
        where false

    ),
{% endif %}

-- What is restated, with what its position had reached before.
pending as (

    select
        valuations.account_id,
        valuations.exchange,
        valuations.symbol,
        valuations.strategy_id,
        valuations.position_side,
        valuations.trip_number,
        valuations.snapshot_time,
        {{ rounded('valuations.realized_pnl', 16) }} as realized,
        {{ rounded('valuations.unrealized_pnl', 16) }} as unrealized,
        {{ rounded('abs(valuations.cost_basis)', 16) }} as cost,
        trips.peak_pnl as peak_before,
        trips.deepest_fall as fall_before,
        trips.largest_cost as cost_before
    from valuations
    left join last_rows as trips
        on
            {{ same_key('valuations', 'trips', position) }}
            and valuations.trip_number = trips.trip_number

),

with_peak as (

    select
        *,
        realized + unrealized as pnl,
        greatest(peak_before, max(realized + unrealized) over round_trip) as peak_pnl,
        greatest(cost_before, max(cost) over round_trip) as largest_cost
    from pending
    window round_trip as (
        partition by {{ columns_of(position) }}, trip_number order by snapshot_time
        rows between unbounded preceding and current row
    )

),

final as (

    select
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        trip_number,
        snapshot_time,
        peak_pnl,
        greatest(fall_before, max(peak_pnl - pnl) over round_trip) as deepest_fall,
        largest_cost
    from with_peak
    window round_trip as (
        partition by {{ columns_of(position) }}, trip_number order by snapshot_time
        rows between unbounded preceding and current row
    )

)

select * from final
order by snapshot_time
