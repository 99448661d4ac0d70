-- How far each account's profit and time-weighted return had fallen from their best, and what they
-- were on each day; and the same of all accounts together. A new index has a peak of its own.
with

indexes as (

    select * from {{ ref('int_return_indexes') }}

),

snapshot_times as (

    select * from {{ ref('int_snapshot_times') }}

),

with_peaks as (

    select
        *,
        greatest(0, max(total_pnl) over history) as peak_pnl,
        greatest(1, max(return_index) over since_restart) as peak_index
    from indexes
    window
        history as (partition by account_id order by snapshot_time),
        since_restart as (partition by account_id, restarts order by snapshot_time)

),

with_falls as (

    select
        *,
        max(peak_pnl - total_pnl) over history as max_drawdown,
        case
            when return_index is not null
                then max(1 - return_index / peak_index) over since_restart
        end as max_drawdown_ratio
    from with_peaks
    window
        history as (partition by account_id order by snapshot_time),
        since_restart as (partition by account_id, restarts order by snapshot_time)

),

days as (

    select
        with_falls.account_id,
        with_falls.snapshot_time as day_end,
        with_falls.total_pnl,
        with_falls.restarts,
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
            with_falls.return_index
            / case
                when with_falls.restarts = days.restarts then coalesce(days.return_index, 1)
                else 1
            end
            - 1 as decimal(38, 12)
        ) as daily_return
    from with_falls
    asof left join days
        on
            with_falls.account_id = days.account_id
            and with_falls.snapshot_time > days.day_end

)

select * from final
