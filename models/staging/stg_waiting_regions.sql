with

waiting_regions as (

    select * from {{ source('state', 'waiting_regions') }}

),

final as (

    select
        chain,
        relation,
        date,
        key,
        restart_at
    from waiting_regions

)

select * from final
