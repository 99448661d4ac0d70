with

metrics as (

    select * from {{ source('raw', 'system_metrics') }}

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
        ingestion_time
    from metrics

)

select * from final
