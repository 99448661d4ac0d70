with

ticks as (

    select * from {{ source('raw', 'market_ticks') }}

),

final as (

    select
        *,
        -- the third part of trade order
        try_cast(trade_id as hugeint) as trade_number
    from ticks

)

select * from final
