with

logs as (

    select * from {{ ref('stg_application_logs') }}

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
        date
    from logs

)

select * from final
