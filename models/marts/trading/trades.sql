with

warm as (

    select * from {{ ref('trades_warm') }}

),

final as (

    select * from warm

)

select * from final
