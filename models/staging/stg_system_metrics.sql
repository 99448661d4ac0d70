with

warm as (

    select
        *,
        timestamp::date as date
    from {{ ref('stg_warm_metrics') }}

),

cold as (

    select * from {{ cold_rows('system_metrics') }}

),

metrics as (

    select * from warm
    union all by name
    select * from cold

),

final as (

    select
        metric_id,
        timestamp,
        metric_name,
        metric_type,
        value,
        labels,
        quantiles,
        correlation_id,
        batch_id,
        ingestion_time,
        date
    from metrics

)

select * from final
