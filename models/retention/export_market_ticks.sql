-- depends_on: {{ ref('market_ticks') }}
-- depends_on: {{ ref('ohlcv_bars') }}
-- depends_on: {{ ref('retention_policies') }}
{{ config(materialized='cold_export') }}

with

ticks as (

    select * from {{ ref('stg_warm_ticks') }}

),

final as (

    select
        *,
        true as is_kept
    from ticks
    where timestamp < {{ leaves_before('market_ticks') }}

)

select * from final
