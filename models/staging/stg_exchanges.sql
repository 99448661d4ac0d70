with

exchanges as (

    select * from {{ ref('exchanges') }}

),

final as (

    select
        exchange,
        coalesce(timezone, 'UTC') as timezone,
        coalesce(day_start::time, time '00:00') as day_start,
        -- A day that starts after noon bears the next date.
        coalesce(day_start::time, time '00:00') > time '12:00' as starts_evening_before,
        session_open::time as session_open,
        session_close::time as session_close,
        coalesce(daily_bars, 'all') as daily_bars,
        {{ parts_of("coalesce(contiguous_kinds, '')") }} as contiguous_kinds
    from exchanges

)

select * from final
