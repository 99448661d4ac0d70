-- A position's rows leave when it is closed; the newest row of each key stays, the next build goes
-- on from it.
-- depends_on: {{ ref('positions') }}
-- depends_on: {{ ref('retention_policies') }}
{{ config(materialized='cold_export') }}

with

warm as (

    select
        *,
        max(trip_number) filter (where closed_at is not null) over (
            partition by account_id, exchange, symbol, strategy_id, position_side
        ) as closed_trips,
        max(snapshot_time) over (
            partition by account_id, exchange, symbol, strategy_id, position_side
        ) as newest_at
    from {{ ref('positions_warm') }}

),

final as (

    select
        * exclude (closed_trips, newest_at),
        true as is_kept
    from warm
    where
        snapshot_time < {{ leaves_before('positions') }}
        and snapshot_time < newest_at
        and trip_number <= closed_trips

)

select * from final
