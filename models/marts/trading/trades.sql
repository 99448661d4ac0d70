-- Warm rows and those in Parquet; a row that is in both counts as the warm one says.
with

warm as (

    select
        *,
        executed_at::date as date
    from {{ ref('trades_warm') }}

),

cold as (

    select * from {{ cold_rows('trades') }}

),

final as (

    select * from warm
    union all by name
    select * from cold

)

select * from final
