-- The newest row of each position is never moved to Parquet, so no file is opened.
with

positions as (

    select * from {{ ref('positions_warm') }}

),

newest as (

    select *
    from positions
    qualify
        row_number() over (
            partition by account_id, exchange, symbol, strategy_id, position_side
            order by snapshot_time desc
        ) = 1

),

final as (

    select * from newest
    where closed_at is null

)

select * from final
