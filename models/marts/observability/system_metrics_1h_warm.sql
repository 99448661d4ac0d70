-- Never rebuilt: the samples of old hours are gone.
{{ config(
    schema='warm',
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='rollup_id',
    on_schema_change='fail',
    full_refresh=false,
    post_hook="{{ remember_build() }}"
) }}
{% set new_samples %}
    select timestamp
    from {{ landed('metrics') }}
    where batch_id > {{ seen_batch() }}
{% endset %}

with

samples as (

    select
        *,
        date_trunc('hour', timestamp) as hour
    from {{ landed('metrics') }}
    {% if is_incremental() %}
        where {{ in_touched_hours('timestamp', new_samples) }}
    {% endif %}

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
