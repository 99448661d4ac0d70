with

logs as (

    select * from {{ source('raw', 'application_logs') }}

),

final as (

    select
        log_id,
        timestamp,
        level,
        service,
        component,
        message,
        event,
        context,
        data,
        exception,
        source,
        batch_id,
        ingestion_time
    from logs

)

select * from final
