-- Warm rows and those in Parquet; a row that is in both counts as the warm one says.
with

warm as (

    select
        *,
        created_at::date as date
    from {{ ref('orders_warm') }}

),

cold as (

    select * from {{ cold_rows('orders') }}

),

final as (

    select * from warm
    union all by name
    select * from cold

)

select * from final
