with

exchanges as (

    select * from {{ ref('exchanges') }}

),

final as (

    select
        exchange,
        coalesce(timezone, 'UTC') as timezone,
        coalesce(day_start, time '00:00') as day_start,
        session_open,
        session_close,
        coalesce(daily_bars, 'all') as daily_bars,
        string_split(coalesce(contiguous_kinds, ''), '|') as contiguous_kinds
    from exchanges

)

select * from final
