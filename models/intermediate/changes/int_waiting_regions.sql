-- Work that a run leaves undone, since it needs rows of days that lie in the archive. When the run
-- ends, state.waiting_regions remembers it (end_run); when a day is back, its rows are pending
-- (int_restored_days).
with

touched_minutes as (

    select * from {{ ref('int_touched_minutes') }}

),

touched_bars as (

    select * from {{ ref('int_touched_bars') }}

),

archived_days as (

    select * from {{ ref('int_archived_days') }}

),

waiting_minutes as (

    select
        touched_minutes.chain,
        archived_days.relation,
        archived_days.date,
        concat_ws(
            ' ', touched_minutes.exchange, touched_minutes.symbol, touched_minutes.kind
        ) as key,
        min(touched_minutes.minute) as restart_at
    from touched_minutes
    inner join archived_days on touched_minutes.minute::date = archived_days.date
    where archived_days.relation = 'market_ticks'
    group by all

),

waiting_bars as (

    select
        'bars' as chain,
        archived_days.relation,
        archived_days.date,
        concat_ws(
            ' ', touched_bars.exchange, touched_bars.symbol, touched_bars.timeframe
        ) as key,
        min(touched_bars.timestamp) as restart_at
    from touched_bars
    inner join archived_days on touched_bars.timestamp::date = archived_days.date
    where archived_days.relation = 'ohlcv_bars'
    group by all

),

final as (

    select * from waiting_minutes
    union all
    select * from waiting_bars

)

select * from final
