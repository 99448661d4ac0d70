with

calendar as (

    select * from {{ ref('exchange_calendar') }}

),

final as (

    select
        exchange,
        date,
        session_open::time as session_open,
        session_close::time as session_close
    from calendar

)

select * from final
