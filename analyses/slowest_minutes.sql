-- Which service was slow, when, and what did it log meanwhile?
-- The 50 worst minutes by the 99th percentile of each histogram (order latency, query duration,
-- whatever is measured), against that metric's usual value, with the warnings and errors nearby.
with

metrics as (

    select
        timestamp,
        metric_name,
        struct_extract(labels, 'service') as service,
        struct_extract(labels, 'component') as component,
        struct_extract(quantiles, 'p50') as p50,
        struct_extract(quantiles, 'p99') as p99
    from {{ ref('system_metrics') }}
    where metric_type = 'histogram'

),

logs as (

    select *
    from {{ ref('application_logs') }}
    where level in ('warning', 'error', 'critical')

),

usual as (

    select
        metric_name,
        median(p99) as usual_p99
    from metrics
    group by metric_name

),

worst as (

    select
        metrics.*,
        usual.usual_p99
    from metrics
    inner join usual on metrics.metric_name = usual.metric_name
    qualify
        row_number() over (
            partition by metrics.metric_name
            order by metrics.p99 desc nulls last, metrics.timestamp asc
        ) <= 50

),

final as (

    select
        worst.*,
        round(worst.p99 / nullif(worst.usual_p99, 0), 2) as times_usual,
        count(logs.log_id) as complaints,
        any_value(logs.message order by logs.timestamp) as first_complaint
    from worst
    left join logs
        on
            worst.service = logs.service
            and worst.timestamp <= logs.timestamp
            and worst.timestamp + interval 1 minute > logs.timestamp
    group by all

)

select * from final
order by metric_name asc, p99 desc nulls last, timestamp asc
