-- Never rebuilt: the samples of old hours are gone.
{{ config(
    schema='warm',
    materialized='incremental',
    unique_key='rollup_id',
    full_refresh=false,
    meta={'time': 'timestamp', 'cold': {'relation': 'system_metrics_1h', 'id': 'rollup_id'}}
) }}

with

metrics as (

    select * from {{ landed('metrics') }}

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain = 'metrics'

),

touched_hours as (

    select distinct date_trunc('hour', timestamp) as hour
    from metrics
    where
        batch_id > coalesce((select max(built.batch_id) from built), 0)

),

samples as (

    select
        metrics.*,
        touched_hours.hour
    from metrics
    inner join touched_hours
        on
            date_trunc('hour', metrics.timestamp) = touched_hours.hour
            -- so that row groups of other hours are skipped
            and metrics.timestamp >= touched_hours.hour
            and metrics.timestamp < touched_hours.hour + interval 1 hour

),

rolled_up as (

    select
        hour as timestamp,
        metric_name,
        metric_type,
        labels,
        count(*) as sample_count,
        min(value) as min_value,
        max(value) as max_value,
        avg(value) as avg_value,
        first(value order by timestamp, metric_id) as first_value,
        last(value order by timestamp, metric_id) as last_value,
        quantile_cont(value, 0.5) as p50_value,
        quantile_cont(value, 0.95) as p95_value,
        quantile_cont(value, 0.99) as p99_value,
        {
            'p50': max(quantiles.p50),
            'p95': max(quantiles.p95),
            'p99': max(quantiles.p99),
            'p999': max(quantiles.p999)
        } as highest_quantiles
    from samples
    group by
        hour,
        metric_name,
        metric_type,
        labels

),

final as (

    select
        {{ stable_id([
            'metric_name', 'metric_type', "coalesce(labels::varchar, '')", 'epoch_us(timestamp)'
        ]) }} as rollup_id,
        *
    from rolled_up

)

select * from final
