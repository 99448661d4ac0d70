with

logs as (

    select * from {{ landed('logs') }}

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
        source
    from logs

)

select * from final
