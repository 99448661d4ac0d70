-- depends_on: {{ ref('system_metrics_1h') }}
-- depends_on: {{ ref('retention_policies') }}
{{ config(materialized='cold_export') }}

with

warm as (

    select * from {{ ref('system_metrics_1h_warm') }}

),

final as (

    select
        *,
        true as is_kept
    from warm
    where
        timestamp < {{ leaves_before('system_metrics_1h') }}

)

select * from final
