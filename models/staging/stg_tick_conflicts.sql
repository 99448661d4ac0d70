with

conflicts as (

    select * from {{ source('raw', 'tick_conflicts') }}

),

final as (

    select
        batch_id,
        tick_id,
        rival_tick_id,
        coalesce(is_one_trade, false) as is_one_trade
    from conflicts

)

select * from final
