with

duckdb as (

    select
        'application_logs' as relation,
        timestamp,
        level,
        service,
        component,
        message,
        event,
        context,
        exception,
        source as origin
    from {{ ref('stg_application_logs') }}
    where
        {{ in_extracts('application_logs', 'timestamp') }}
        and {{ still_kept('application_logs', 'timestamp') }}

),

timescale as (

    select
        'application_logs' as relation,
        timestamp,
        level,
        service,
        component,
        message,
        event,
        context,
        exception,
        source as origin
    from {{ ref('stg_timescale_logs') }}
    where
        {{ still_kept('application_logs', 'timestamp') }}
        and {{ still_there('application_logs', 'timestamp') }}

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
