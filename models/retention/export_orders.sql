-- An order leaves when it is finished and nothing happened to it within the window.
-- depends_on: {{ ref('orders') }}
-- depends_on: {{ ref('retention_policies') }}
{{ config(materialized='cold_export') }}

with

warm as (

    select * from {{ ref('orders_warm') }}

),

final as (

    select
        *,
        true as is_kept
    from warm
    where
        created_at < {{ leaves_before('orders') }}
        and updated_at < {{ leaves_before('orders') }}
        and status in ('filled', 'cancelled', 'rejected')

)

select * from final
