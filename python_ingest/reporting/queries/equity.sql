-- The portfolio at the end of each day, and of the newest 30 days at every snapshot: equity, how far
-- total P&L is below its peak, and the return index in percent, which flows do not move. Of a stretch
-- in which nothing changed only the ends are shown.
with

snapshots as (

    select
        snapshot_time,
        bool_or(snapshot_type = 'eod') as is_day_end,
        any_value(equity) as equity,
        any_value(total_pnl) as total_pnl,
        any_value(total_pnl_pct) as return_pct
    from portfolio_snapshots
    group by snapshot_time

),

falls as (

    select
        *,
        greatest(0, max(total_pnl) over (order by snapshot_time)) - total_pnl as below_peak
    from snapshots

),

shown as (

    select *
    from falls
    where
        is_day_end
        or snapshot_time > (select max(snapshot_time) from snapshots) - interval 30 days

),

with_neighbours as (

    select
        *,
        (equity, total_pnl)
        is not distinct from lag((equity, total_pnl)) over (order by snapshot_time) as is_same,
        (equity, total_pnl)
        is not distinct from lead((equity, total_pnl)) over (order by snapshot_time) as stays_same
    from shown

)

select
    epoch(snapshot_time)::bigint as second,
    equity,
    below_peak,
    return_pct
from with_neighbours
where
    not (is_same and stays_same)
    and (equity <> 0 or total_pnl <> 0)
order by second
