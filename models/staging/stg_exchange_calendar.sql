with

calendar as (

    select * from {{ ref('exchange_calendar') }}

),

final as (

    select
        exchange,
        date,
        session_open,
        session_close
    from calendar

)

select * from final
