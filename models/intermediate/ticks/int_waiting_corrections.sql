-- Corrections that may mean a tick of a day which went to the archive before they landed: of an
-- older day there is a tick with their id, or none at all.
with

ranked as (

    select * from {{ ref('int_ranked_ticks') }}
    where
        preference = 1
        and kind = 'trade'

),

corrections as (

    select * from {{ ref('stg_tick_corrections') }}

),

landings as (

    select * from {{ ref('stg_landings') }}

),

archived_days as (

    select * from {{ ref('int_archived_days') }}
    where relation = 'market_ticks'

),

matched as (

    select
        corrections.batch_id,
        corrections.row_number,
        corrections.exchange,
        corrections.symbol,
        corrections.corrected_at,
        max(ranked.timestamp)::date as matched_date
    from corrections
    left join corrections as earlier
        on
            corrections.exchange = earlier.exchange
            and corrections.symbol = earlier.symbol
            and corrections.trade_id = earlier.corrected_trade_id
            and corrections.venue is not distinct from earlier.venue
    left join ranked on {{ may_mean('corrections', 'ranked') }}
    group by all
    having count(ranked.tick_id) > 0 or count(earlier.batch_id) = 0

),

final as (

    select distinct
        matched.batch_id,
        matched.row_number,
        matched.exchange,
        matched.symbol,
        coalesce(matched.matched_date, date '1900-01-01') as matched_date,
        matched.corrected_at,
        landings.landed_at
    from matched
    inner join landings on matched.batch_id = landings.batch_id
    inner join archived_days
        on
            matched.corrected_at::date >= archived_days.date
            and coalesce(matched.matched_date, date '1900-01-01') < archived_days.date
            and landings.landed_at >= archived_days.archived_at

)

select * from final
