{{ config(materialized='view') }}

with

events as (

    select * from {{ ref('int_counted_cash') }}

),

final as (

    select
        account_id,
        event_id,
        event_time,
        kind,
        part,
        amount,
        currency,
        exchange,
        symbol,
        strategy_id,
        source
    from events

)

select * from final
