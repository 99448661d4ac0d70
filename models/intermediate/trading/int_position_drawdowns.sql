-- depends_on: {{ ref('int_valuations_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{% set trip = position + ['trip_number'] %}
{% set so_far = '(partition by ' ~ columns_of(trip)
    ~ ' order by snapshot_time rows unbounded preceding)' %}
{% set interval = "interval '" ~ var('position_mark_interval') ~ "'" %}
{{ config(
    materialized='incremental',
    unique_key=trip + ['snapshot_time'],
    meta={
        'region': {'pending': 'int_valuations_to_restate', 'by': position[:4], 'from': 'snapshot_time'},
        'time': 'snapshot_time'
    }
) }}

-- How far each position had fallen from its best since it was opened, over the rows of `positions`.
-- Where one ends and the next begins at one time, both have a row; that of the former is shown.
with

-- Of several that ended at one time the first: what began then too has nothing to fall from.
ends as (

    select
        {{ columns_of(position) }},
        event_at,
        min(trip_number - opens::integer) as trip_number,
        min_by(realized_pnl, event_number) as realized_pnl
    from {{ ref('int_position_states') }}
    where ended_opened_at is not null
    {% if is_incremental() %}
        and event_at >= (select min(restart_at) from {{ ref('int_valuations_to_restate') }})
    {% endif %}
    group by {{ columns_of(position) }}, event_at

),

valuations as (

    select
        valuations.*,
        ends.trip_number as ended_trip,
        ends.realized_pnl as ended_pnl
    from {{ ref('int_position_valuations') }} as valuations
    left join ends
        on
            {{ same_key('valuations', 'ends', position) }}
            and valuations.snapshot_time = ends.event_at
            and valuations.trip_number > ends.trip_number
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

-- One that ended holds nothing. What the next one has realised at that time is none of its own.
trip_rows as (

    select
        *,
        ended_trip is null as is_shown
    from valuations
    union all
    select
        * replace (
            ended_trip as trip_number, 0 as cost_basis, 0 as unrealized_pnl,
            {{ in_money('ended_pnl', 'multiplier') }} as realized_pnl
        ),
        true as is_shown
    from valuations
    where ended_trip is not null

),

{% if is_incremental() %}
    -- An open one has a row at every mark: none that goes on is older than an interval.
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
                order by drawdowns.snapshot_time desc, drawdowns.trip_number desc
            ) = 1

    ),
{% else %}
    last_rows as (

        select
            {{ columns_of(trip + ['snapshot_time']) }},
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
        {{ columns_of(trip + ['snapshot_time', 'is_shown'], 'trip_rows') }},
        trip_rows.realized_pnl + trip_rows.unrealized_pnl as pnl,
        abs(trip_rows.cost_basis) as cost,
        trips.peak_pnl as peak_before,
        trips.deepest_fall as fall_before,
        trips.largest_cost as cost_before
    from trip_rows
    left join last_rows as trips on {{ same_key('trip_rows', 'trips', trip) }}

),

with_peak as (

    select
        *,
        greatest(peak_before, max(pnl) over {{ so_far }}) as peak_pnl,
        greatest(cost_before, max(cost) over {{ so_far }}) as largest_cost
    from pending

),

final as (

    select
        {{ columns_of(trip + ['snapshot_time', 'is_shown']) }},
        peak_pnl,
        greatest(fall_before, max(peak_pnl - pnl) over {{ so_far }}) as deepest_fall,
        largest_cost
    from with_peak

)

select * from final
order by snapshot_time
