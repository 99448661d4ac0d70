-- How far each symbol's ticks reach; ticks dated after their ingestion (5 s are granted) do not
-- count. Busted and superseded ticks do, so that what was complete stays complete.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['exchange', 'symbol', 'kind'],
    on_schema_change='fail',
    post_hook="{{ remember_build() }}"
) }}

with

new_ticks as (

    select * from {{ landed('ticks') }}
    where batch_id > {{ seen_batch() }}

),

newest as (

    select
        exchange,
        symbol,
        kind,
        max(timestamp) as newest_at
    from new_ticks
    where timestamp <= ingestion_time + interval 5 seconds
    group by all

    {% if is_incremental() %}

        union all

        select
            exchange,
            symbol,
            kind,
            newest_at
        from {{ this }}

    {% endif %}

),

final as (

    select
        exchange,
        symbol,
        kind,
        max(newest_at) as newest_at
    from newest
    group by all

)

select * from final
