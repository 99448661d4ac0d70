with

exchanges as (

    select * from {{ ref('exchanges') }}

),

final as (

    select
        exchange,
        coalesce(timezone, 'UTC') as timezone,
        coalesce(day_start::time, time '00:00') as day_start,
        session_open::time as session_open,
        session_close::time as session_close,
        coalesce(daily_bars, 'all') as daily_bars,
        {{ parts_of("coalesce(contiguous_kinds, '')") }} as contiguous_kinds
    from exchanges

)

select * from final
