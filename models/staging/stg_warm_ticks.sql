with

ticks as (

    select * from {{ source('raw', 'market_ticks') }}

),

final as (

    select * from ticks

)

select * from final
