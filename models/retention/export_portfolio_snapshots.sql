-- Daily and manual snapshots stay for ever.
-- depends_on: {{ ref('portfolio_snapshots') }}
-- depends_on: {{ ref('retention_policies') }}
{{ config(materialized='cold_export') }}

with

warm as (

    select * from {{ ref('portfolio_snapshots_warm') }}

),

final as (

    select
        *,
        true as is_kept
    from warm
    where
        snapshot_time < {{ leaves_before('portfolio_snapshots') }}
        and snapshot_type = 'intraday'

)

select * from final
