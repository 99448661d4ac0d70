-- depends_on: {{ ref('int_portfolio_to_restate') }}
{{ config(
    materialized='incremental',
    unique_key='snapshot_time',
    meta={
        'region': {'pending': 'int_portfolio_to_restate', 'by': [], 'from': 'snapshot_time'},
        'time': 'snapshot_time'
    }
) }}
{% set interval = "interval '" ~ var("position_mark_interval") ~ "'" %}

-- When the portfolio is valued. While nothing is held and nothing moves, every interval would say
-- the same: the day's end does.
with

ledger as {{ not_materialized() }} (

    select * from {{ ref('int_ledger') }}
    {% if is_incremental() %}
        where moved_at > (
            select restart_at - {{ interval }} from {{ ref('int_portfolio_to_restate') }}
        )
    {% endif %}

),

valuations as (

    select * from {{ ref('int_position_valuations') }}
    {% if is_incremental() %}
        where snapshot_time >= (select restart_at from {{ ref('int_portfolio_to_restate') }})
    {% endif %}

),

snapshot_times as (

    select * from {{ ref('int_snapshot_times') }}
    {% if is_incremental() %}
        where snapshot_time >= (select restart_at from {{ ref('int_portfolio_to_restate') }})
    {% endif %}

),

busy_intervals as (

    select
        time_bucket({{ interval }}, moved_at - interval 1 microsecond) + {{ interval }}
            as snapshot_time
    from ledger
    union
    select snapshot_time
    from valuations
    where quantity is distinct from 0

),

final as (

    select
        snapshot_times.snapshot_time,
        bool_or(busy_intervals.snapshot_time is not null) as is_busy
    from snapshot_times
    left join busy_intervals on snapshot_times.snapshot_time = busy_intervals.snapshot_time
    where
        snapshot_times.snapshot_type <> 'intraday'
        or busy_intervals.snapshot_time is not null
    group by snapshot_times.snapshot_time

)

select * from final
