with

metrics as (

    select * from {{ landed('metrics') }}

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
