with

restored_days as (

    select * from {{ source('state', 'restored_days') }}

),

final as (

    select
        relation,
        date,
        after_run
    from restored_days

)

select * from final
