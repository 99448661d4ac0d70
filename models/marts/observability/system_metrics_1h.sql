-- Warm rows and those in Parquet; a row that is in both counts as the warm one says.
with

warm as (

    select
        *,
        timestamp::date as date
    from {{ ref('system_metrics_1h_warm') }}

),

cold as (

    select * from {{ cold_rows('system_metrics_1h') }}

),

warm_and_cold as (

    select * from warm
    union all by name
    select * from cold

),

final as (

    select
        rollup_id,
        timestamp,
        metric_name,
        metric_type,
        labels,
        sample_count,
        min_value,
        max_value,
        avg_value,
        first_value,
        last_value,
        p50_value,
        p95_value,
        p99_value,
        highest_quantiles,
        date
    from warm_and_cold

)

select * from final
