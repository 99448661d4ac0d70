-- The one place where all landed ticks are read. A filter on `date` opens only that day's cold file.
with

warm as (

    select
        *,
        timestamp::date as date
    from {{ ref('stg_warm_ticks') }}

),

cold as (

    select * from {{ cold_rows('market_ticks') }}

),

ticks as (

    select * from warm
    union all by name
    select * from cold

),

final as (

    select
        *,
        -- the third part of trade order
        try_cast(trade_id as hugeint) as trade_number
    from ticks

)

select * from final
