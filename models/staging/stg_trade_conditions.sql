with

conditions as (

    select * from {{ ref('trade_conditions') }}

),

final as (

    select
        feed,
        code,
        scope,
        coalesce(updates_last, 'yes') as updates_last,
        coalesce(updates_high_low, 'yes') as updates_high_low,
        coalesce(updates_volume, 'yes') as updates_volume,
        coalesce(is_auction, false) as is_auction
    from conditions

)

select * from final
