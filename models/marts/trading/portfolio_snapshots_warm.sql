{{ config(
    schema='warm',
    materialized='table',
    post_hook="{{ forget_what_was_not_built('portfolio_snapshots', 'snapshot_id') }}"
) }}

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
        count_if(flow <> 0) over history - if(flow <> 0, 1, 0) as period
    from portfolio_values
    window history as (order by snapshot_time)

),

with_period_start as (

    select
        *,
        max(if(flow <> 0, snapshot_time, null)) over earlier as period_start,
        lag(if(flow <> 0, equity, null) ignore nulls) over (order by snapshot_time)
            as equity_at_start
    from with_flows
    window earlier as (
        order by snapshot_time rows between unbounded preceding and 1 preceding
    )

),

with_growth as (

    select
        *,
        if(equity_at_start > 0, equity_before_flow::double / equity_at_start, 1) as growth
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

with_day as (

    select
        with_falls.*,
        with_falls.total_pnl - coalesce(days.total_pnl, 0) as daily_pnl,
        with_falls.return_index / coalesce(days.return_index, 1) - 1 as daily_return
    from with_falls
    asof left join days on with_falls.snapshot_time > days.day_end

),

final as (

    select
        {{ stable_id(['values_at.snapshot_time', 'snapshot_times.snapshot_type']) }} as snapshot_id,
        values_at.snapshot_time,
        snapshot_times.snapshot_type,
        values_at.cash::decimal(18, 2) as cash_balance,
        greatest(0, values_at.equity - values_at.margin_used)::decimal(18, 2) as buying_power,
        values_at.equity::decimal(18, 2) as portfolio_value,
        values_at.equity::decimal(18, 2) as equity,
        values_at.total_pnl::decimal(18, 2) as total_pnl,
        if(
            values_at.period_start is null and values_at.flow = 0,
            null,
            try_cast((values_at.return_index - 1) * 100 as decimal(10, 4))
        ) as total_pnl_pct,
        values_at.daily_pnl::decimal(18, 2) as daily_pnl,
        if(
            values_at.period_start is null and values_at.flow = 0,
            null,
            try_cast(values_at.daily_return * 100 as decimal(10, 4))
        ) as daily_pnl_pct,
        try_cast(
            {{ divide_exactly(
                units('values_at.gross_notional'), units('values_at.equity'), 4
            ) }} as decimal(10, 4)
        ) as leverage,
        values_at.margin_used::decimal(18, 2) as margin_used,
        values_at.max_drawdown::decimal(18, 2) as max_drawdown,
        if(
            values_at.period_start is null and values_at.flow = 0,
            null,
            try_cast(values_at.max_drawdown_ratio * 100 as decimal(10, 4))
        ) as max_drawdown_pct,
        values_at.long_positions,
        values_at.short_positions,
        values_at.long_positions + values_at.short_positions as total_positions,
        {
            'unpriced_positions': values_at.unpriced_positions,
            'unconverted_currencies': values_at.unconverted_currencies
        }::json as metadata,
        values_at.net_flows::decimal(18, 2) as net_flows,
        values_at.other_cash::decimal(18, 2) as other_cash,
        values_at.realized_pnl::decimal(18, 2) as realized_pnl,
        values_at.unrealized_pnl::decimal(18, 2) as unrealized_pnl,
        values_at.commission::decimal(18, 2) as commission,
        values_at.fees::decimal(18, 2) as fees
    from with_day as values_at
    inner join snapshot_times
        on values_at.snapshot_time = snapshot_times.snapshot_time
    where snapshot_times.snapshot_type <> 'flow'

)

select * from final
