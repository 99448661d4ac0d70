-- An extract's rows as if they had been landed: landing's own SQL judges, types and hashes them.
{{ config(materialized=kept_where_read('metrics')) }}

with

judged as (

    {{ landed_rows(
        'system_metrics', 'metric_id', {
            'timestamp': 'timestamp',
            'metric_name': 'varchar',
            'metric_type': 'varchar',
            'value': 'double',
            'labels': 'struct(service varchar, component varchar, environment'
                ~ ' varchar, instance varchar)',
            'quantiles': 'struct(p50 double, p95 double, p99 double, p999 double)',
            'correlation_id': 'uuid'
        }
    ) }}

),

final as (

    select
        row_number as metric_id,
        timestamp,
        metric_name,
        metric_type,
        value,
        labels,
        quantiles,
        correlation_id,
        1::bigint as batch_id,
        timestamp as ingestion_time,
        timestamp::date as date
    from judged
    where reason is null

)

select * from final
