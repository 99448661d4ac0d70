-- The trading days that a UTC date has a part in: each day once for every such date, to be joined
-- by it.
with

trading_days as (

    select * from {{ ref('int_trading_days') }}

),

final as (

    select
        *,
        {{ each_of(days_from('starts_at::date', '(ends_at - interval 1 microsecond)::date')) }}
            as date
    from trading_days

)

select * from final
