-- depends_on: {{ ref('trades') }}
-- depends_on: {{ ref('retention_policies') }}
{{ config(materialized='cold_export') }}

with

warm as (

    select * from {{ ref('trades_warm') }}

),

final as (

    select
        *,
        true as is_kept
    from warm
    where
        executed_at < {{ leaves_before('trades') }}

)

select * from final
