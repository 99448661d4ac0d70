{{ config(materialized='table', meta={'chain': 'feeds'}) }}

-- Minutes whose ticks changed since all of what is said of feeds was built. One of a day
-- that lies in the archive waits for it (int_waiting_regions).
with

touched_minutes as (

    select * from {{ ref('int_touched_minutes') }}
    where chain = 'feeds'

),

archived_days as (

    select * from {{ ref('int_archived_days') }}
    where relation = 'market_ticks'

),

final as (

    select
        touched_minutes.exchange,
        touched_minutes.symbol,
        touched_minutes.kind,
        touched_minutes.minute
    from touched_minutes
    anti join archived_days on touched_minutes.minute::date = archived_days.date

)

select * from final
