-- All landed ticks. A filter on `date` opens only the cold files of that day.
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
    union all {{ by_name() }}
    select * from cold

),

final as (

    select
        *,
        -- the third part of trade order
        {{ as_number('trade_id') }} as trade_number
    from ticks

)

select * from final
