with

conflicts as (

    select * from {{ source('raw', 'tick_conflicts') }}

),

final as (

    select
        batch_id,
        tick_id,
        rival_tick_id
    from conflicts

)

select * from final
