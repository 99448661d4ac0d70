with

metrics as (

    select * from {{ ref('stg_system_metrics') }}

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
        date
    from metrics

)

select * from final
