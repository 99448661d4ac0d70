-- A day's samples leave when its roll-up has counted each of them.
-- depends_on: {{ ref('system_metrics') }}
-- depends_on: {{ ref('retention_policies') }}
{{ config(materialized='cold_export') }}

with

metrics as (

    select * from {{ ref('stg_warm_metrics') }}
    where timestamp < {{ leaves_before('system_metrics') }}

),

-- Warm or cold: the roll-up of a day may have left before its samples.
rollups as (

    select * from {{ ref('system_metrics_1h') }}
    where timestamp < {{ leaves_before('system_metrics') }}

),

sampled_days as (

    select
        timestamp::date as date,
        count(*) as samples
    from metrics
    group by timestamp::date

),

rolled_up_days as (

    select
        timestamp::date as date,
        sum(sample_count) as samples
    from rollups
    group by timestamp::date

),

proven_days as (

    select sampled_days.date
    from sampled_days
    inner join rolled_up_days
        on
            sampled_days.date = rolled_up_days.date
            and sampled_days.samples = rolled_up_days.samples

),

final as (

    select
        metrics.*,
        false as is_kept
    from metrics
    where metrics.timestamp::date in (select proven_days.date from proven_days)

)

select * from final
