-- depends_on: {{ ref('ohlcv_bars') }}
-- depends_on: {{ ref('retention_policies') }}
{{ config(materialized='cold_export') }}

with

warm as (

    select * from {{ ref('ohlcv_bars_warm') }}

),

marks as (

    select * from {{ ref('int_exchange_high_water_marks') }}

),

final as (

    select
        warm.*,
        true as is_complete,
        true as is_kept
    from warm
    inner join marks on warm.exchange = marks.exchange
    where
        warm.timestamp < {{ leaves_before('ohlcv_bars') }}
        and warm.ends_at <= marks.complete_until

)

select * from final
