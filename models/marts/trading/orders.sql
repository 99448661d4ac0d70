with

warm as (

    select * from {{ ref('orders_warm') }}

),

final as (

    select * from warm

)

select * from final
