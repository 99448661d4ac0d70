-- Which queries cost most time, the readers' and those of the builds?
-- Readers log a query that took longer than `slow_query_threshold_ms` (without its values); a build
-- lands how long each of its nodes took. One row per statement or node, the costliest first.
with

logs as (

    select *
    from {{ ref('application_logs') }}
    where event in ('slow_query', 'query_failed')

),

metrics as (

    select *
    from {{ ref('system_metrics') }}
    where metric_name = 'dbt.node.duration_ms'

),

asked as (

    select
        service,
        data ->> 'statement' as query,
        timestamp,
        (data ->> 'duration_ms')::double as duration_ms,
        event = 'query_failed' as has_failed
    from logs

),

built as (

    select
        struct_extract(labels, 'service') as service,
        struct_extract(labels, 'component') as query,
        timestamp,
        value as duration_ms,
        false as has_failed
    from metrics

),

runs as (

    select * from asked
    union all
    select * from built

),

final as (

    select
        service,
        query,
        count(*) as runs,
        count_if(has_failed) as failed,
        round(median(duration_ms), 1) as median_ms,
        round(max(duration_ms), 1) as worst_ms,
        round(sum(duration_ms), 1) as total_ms,
        max(timestamp) as last_at
    from runs
    group by service, query

)

select * from final
order by total_ms desc, query asc
limit 50
