{{ config(materialized='table') }}

-- UUIDs that orders of more than one account, exchange or symbol have (docs/adr/0230).
with

orders as (

    select try_cast(order_id as uuid) as uuid
    from {{ ref('int_order_terms') }}

),

final as (

    select uuid
    from orders
    where uuid is not null
    group by uuid
    having count(*) > 1

)

select * from final
