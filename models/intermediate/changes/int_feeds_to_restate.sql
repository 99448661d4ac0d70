{{ config(materialized='table', meta={'chain': 'feeds'}) }}

-- Minutes of which a tick landed, or was decided otherwise, since all that is said of feeds was
-- built.
with

new_ticks as (

    select * from {{ ref('int_new_ticks') }}

),

amendments as (

    select * from {{ ref('int_tick_amendments') }}

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain = 'feeds'

),

touched as (

    select
        exchange,
        symbol,
        kind,
        timestamp
    from new_ticks
    where batch_id > (select built.batch_id from built)
    union all
    select
        exchange,
        symbol,
        kind,
        timestamp
    from amendments
    where built_run > (select built.run_number from built)

),

final as (

    select distinct
        exchange,
        symbol,
        kind,
        {{ minute_of('timestamp') }} as minute
    from touched

)

select * from final
