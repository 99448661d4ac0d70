-- What a feed's codes forbid, as lists: one row per feed, so that a tick finds all its codes'
-- rules at once.
with

conditions as (

    select * from {{ ref('stg_trade_conditions') }}

),

final as (

    select
        feed,
        coalesce(
            list(code) filter (where scope = 'intraday' and updates_last = 'no'), []
        ) as no_last,
        coalesce(
            list(code) filter (where scope = 'intraday' and updates_last = 'only_if_first'), []
        ) as last_if_first,
        coalesce(
            list(code) filter (where scope = 'intraday' and updates_high_low = 'no'), []
        ) as no_high_low,
        coalesce(
            list(code) filter (where scope = 'intraday' and updates_volume = 'no'), []
        ) as no_volume,
        coalesce(
            list(code) filter (where scope = 'daily' and updates_last = 'no'), []
        ) as daily_no_last,
        coalesce(
            list(code) filter (where scope = 'daily' and updates_last = 'only_if_first'), []
        ) as daily_last_if_first,
        coalesce(
            list(code) filter (where scope = 'daily' and updates_high_low = 'no'), []
        ) as daily_no_high_low,
        coalesce(
            list(code) filter (where scope = 'daily' and updates_volume = 'no'), []
        ) as daily_no_volume,
        coalesce(list(distinct code) filter (where is_auction), []) as auction
    from conditions
    group by feed

)

select * from final
