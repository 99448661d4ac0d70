with

timeframes as (

    select * from {{ ref('timeframes') }}

),

final as (

    select
        timeframe,
        minutes
    from timeframes

)

select * from final
