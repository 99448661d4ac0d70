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
        source,
        date
    from logs

)

select * from final
