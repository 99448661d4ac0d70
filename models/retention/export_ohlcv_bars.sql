-- depends_on: {{ ref('ohlcv_bars') }}
-- depends_on: {{ ref('retention_policies') }}
{{ config(materialized='cold_export') }}

with

warm as (

    select * from {{ ref('ohlcv_bars_warm') }}

),

final as (

    select
        *,
        true as is_kept
    from warm
    where
        timestamp < {{ leaves_before('ohlcv_bars') }}
        and is_complete

)

select * from final
