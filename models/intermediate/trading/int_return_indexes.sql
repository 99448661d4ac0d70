-- Each account's profit and its time-weighted return index, chained over its flows. The index is
-- NULL from a loss of everything to the next flow, which begins a new one.
with

portfolio_values as (

    select * from {{ ref('int_portfolio_values') }}

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
    window history as (partition by account_id order by snapshot_time)

),

with_period_start as (

    select
        *,
        max(case when flow <> 0 then snapshot_time end) over earlier as period_start,
        lag(case when flow <> 0 then equity end ignore nulls) over (
            partition by account_id order by snapshot_time
        ) as equity_at_start
    from with_flows
    window earlier as (
        partition by account_id
        order by snapshot_time rows between unbounded preceding and 1 preceding
    )

),

with_growth as (

    select
        *,
        case when equity_at_start > 0 then equity_before_flow::double / equity_at_start else 1 end
            as growth,
        -- No return leads from nothing to something. What is withdrawn is not lost.
        coalesce(
            equity_at_start < 0
            or bool_or(
                equity_before_flow < 0 or (equity_before_flow = 0 and equity_at_start > 0)
            ) over (partition by account_id, period order by snapshot_time),
            false
        ) as is_lost
    from with_period_start

),

-- A flow after a loss of everything begins a new index.
flows as (

    select
        account_id,
        period,
        case when is_lost then 1 else growth end as factor,
        count_if(is_lost) over (partition by account_id order by period) as restarts
    from with_growth
    where flow <> 0

),

-- Chained over the flows only: a few factors, whatever the number of snapshots.
period_ends as (

    select
        *,
        product(factor) over (partition by account_id, restarts order by period) as return_index
    from flows

),

final as (

    select
        with_growth.*,
        coalesce(period_ends.restarts, 0)
        + case when with_growth.is_lost and with_growth.flow <> 0 then 1 else 0 end as restarts,
        case
            when not with_growth.is_lost
                then with_growth.growth * coalesce(period_ends.return_index, 1)
            when with_growth.flow <> 0 and with_growth.equity > 0 then 1
        end as return_index
    from with_growth
    left join period_ends
        on
            with_growth.account_id = period_ends.account_id
            and with_growth.period = period_ends.period + 1

)

select * from final
