{{ config(materialized='table', meta={'chain': 'bars'}) }}

-- Bars to build anew. One of a day that lies in the archive waits for it (int_waiting_regions):
-- what it said there becomes a revision.
with

touched_bars as (

    select * from {{ ref('int_touched_bars') }}

),

archived_days as (

    select * from {{ ref('int_archived_days') }}
    where relation = 'ohlcv_bars'

),

final as (

    select touched_bars.*
    from touched_bars
    anti join archived_days on touched_bars.timestamp::date = archived_days.date

)

select * from final
