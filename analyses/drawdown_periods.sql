-- When was the portfolio below its peak, how deep, for how long, and has it recovered?
-- On total P&L, which deposits and withdrawals do not move, and which began at 0. A period begins
-- at the peak before the fall (or at the first snapshot) and lasts to the last snapshot below it
-- (NULL: it is not over).
with

snapshots as (

    select * from {{ ref('portfolio_snapshots') }}

),

curve as (

    select
        snapshot_time,
        max(total_pnl) as total_pnl
    from snapshots
    group by snapshot_time

),

peaks as (

    select
        snapshot_time,
        total_pnl,
        greatest(0, max(total_pnl) over (order by snapshot_time)) as peak,
        max(snapshot_time) over () as newest_at
    from curve

),

periods as (

    select
        *,
        count_if(total_pnl = peak) over (order by snapshot_time) as period
    from peaks

),

final as (

    select
        min(snapshot_time) as peak_at,
        arg_min(snapshot_time, total_pnl) as deepest_at,
        case
            when max(snapshot_time) < any_value(newest_at) then max(snapshot_time)
        end as below_until,
        max(peak) as peak_pnl,
        min(total_pnl) as deepest_pnl,
        max(peak) - min(total_pnl) as depth,
        max(snapshot_time) - min(snapshot_time) as duration
    from periods
    group by period
    having min(total_pnl) < max(peak)

)

select * from final
order by depth desc, peak_at asc
