with

positions as (

    select * from {{ ref('positions') }}

),

newest as (

    select *
    from positions
    qualify
        row_number() over (
            partition by exchange, symbol, strategy_id order by snapshot_time desc
        ) = 1

),

final as (

    select * from newest
    where closed_at is null

)

select * from final
