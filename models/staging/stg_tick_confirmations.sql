with

confirmations as (

    select * from {{ source('raw', 'tick_confirmations') }}

),

final as (

    select
        batch_id,
        tick_id,
        source
    from confirmations

)

select * from final
