-- The portfolio's profit and its time-weighted return, and how far both had fallen from their best.
with

portfolio_values as (

    select * from {{ ref('int_portfolio_values') }}

),

snapshot_times as (

    select * from {{ ref('int_snapshot_times') }}

),

with_flows as (

    select
        *,
        sum(flow) over history as net_flows,
        equity - sum(flow) over history as total_pnl,
        equity - flow as equity_before_flow,
        -- Each flow begins a period; a flow's own time still ends the one before.
        count_if(flow <> 0) over history - case when flow <> 0 then 1 else 0 end as period
    from portfolio_values
    window history as (order by snapshot_time)

),

with_period_start as (

    select
        *,
        max(case when flow <> 0 then snapshot_time end) over earlier as period_start,
        lag(case when flow <> 0 then equity end ignore nulls) over (order by snapshot_time)
            as equity_at_start
    from with_flows
    window earlier as (
        order by snapshot_time rows between unbounded preceding and 1 preceding
    )

),

with_growth as (

    select
        *,
        case when equity_at_start > 0 then equity_before_flow::double / equity_at_start else 1 end
            as growth
    from with_period_start

),

-- Chained over the flows only: a few factors, whatever the number of snapshots.
period_ends as (

    select
        period,
        product(growth) over (order by period) as return_index
    from with_growth
    where flow <> 0

),

with_index as (

    select
        with_growth.*,
        with_growth.growth * coalesce(period_ends.return_index, 1) as return_index
    from with_growth
    left join period_ends on with_growth.period = period_ends.period + 1

),

with_peaks as (

    select
        *,
        greatest(0, max(total_pnl) over history) as peak_pnl,
        greatest(1, max(return_index) over history) as peak_index
    from with_index
    window history as (order by snapshot_time)

),

with_falls as (

    select
        *,
        max(peak_pnl - total_pnl) over history as max_drawdown,
        max(1 - return_index / peak_index) over history as max_drawdown_ratio
    from with_peaks
    window history as (order by snapshot_time)

),

days as (

    select
        with_falls.snapshot_time as day_end,
        with_falls.total_pnl,
        with_falls.return_index
    from with_falls
    inner join snapshot_times on with_falls.snapshot_time = snapshot_times.snapshot_time
    where snapshot_times.snapshot_type = 'eod'

),

final as (

    select
        with_falls.* replace (
            try_cast(with_falls.return_index as decimal(38, 12)) as return_index,
            try_cast(with_falls.max_drawdown_ratio as decimal(38, 12)) as max_drawdown_ratio
        ),
        with_falls.total_pnl - coalesce(days.total_pnl, 0) as daily_pnl,
        try_cast(
            with_falls.return_index / coalesce(days.return_index, 1) - 1 as decimal(38, 12)
        ) as daily_return
    from with_falls
    asof left join days on with_falls.snapshot_time > days.day_end

)

select * from final
