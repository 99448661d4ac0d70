{{ config(materialized='table', meta={'chain': 'trading'}) }}

-- Instruments whose 1m closes may have changed since all of the chain was built, and from when on.
with

changed_minutes as (

    select * from {{ ref('int_changed_minutes') }}
    where chain = 'trading'

),

final as (

    select
        exchange as price_exchange,
        symbol,
        min(minute) + interval 1 minute as restart_at
    from changed_minutes
    group by exchange, symbol

)

select * from final
