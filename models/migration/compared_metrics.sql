with

duckdb as (

    select
        'system_metrics' as relation,
        timestamp,
        metric_name,
        metric_type,
        value,
        labels,
        quantiles,
        correlation_id
    from {{ ref('stg_system_metrics') }}
    where
        {{ in_extracts('system_metrics', 'timestamp') }}
        and {{ still_kept('system_metrics', 'timestamp') }}

),

timescale as (

    select
        'system_metrics' as relation,
        timestamp,
        metric_name,
        metric_type,
        value,
        labels,
        quantiles,
        correlation_id
    from {{ ref('stg_timescale_metrics') }}
    where
        {{ still_kept('system_metrics', 'timestamp') }}
        and {{ still_there('system_metrics', 'timestamp') }}

),

final as (

    select
        'duckdb' as system,
        *
    from duckdb
    union all by name
    select
        'timescale' as system,
        *
    from timescale

)

select * from final
