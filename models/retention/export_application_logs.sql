-- depends_on: {{ ref('application_logs') }}
-- depends_on: {{ ref('retention_policies') }}
{{ config(materialized='cold_export') }}

with

logs as (

    select * from {{ ref('stg_warm_logs') }}

),

final as (

    select
        *,
        level in ('error', 'critical') as is_kept
    from logs
    where timestamp < {{ leaves_before('application_logs') }}

)

select * from final
