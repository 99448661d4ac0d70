with

warm as (

    select
        *,
        timestamp::date as date
    from {{ ref('stg_warm_logs') }}

),

cold as (

    select * from {{ cold_rows('application_logs') }}

),

logs as (

    select * from warm
    union all by name
    select * from cold

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
        ingestion_time,
        date
    from logs

)

select * from final
