-- What each account, and all together, was worth and had returned at the end of each day.
with

together as (

    select * from {{ ref('portfolio_snapshots') }}

),

accounts as (

    select * from {{ ref('account_snapshots') }}

),

snapshots as (

    select * from together
    union all by name
    select * from accounts

),

ends as (

    select
        account_id,
        -- A day that ends at midnight bears the date that is over.
        (
            {{ to_local('snapshot_time', "'" ~ var('portfolio_timezone') ~ "'") }}
            - interval 1 microsecond
        )::date as day,
        snapshot_time,
        equity,
        net_flows,
        total_pnl,
        max_drawdown_pct,
        1 + total_pnl_pct::decimal(18, 4) * 0.01 as return_index,
        daily_pnl_pct::decimal(18, 4) * 0.01 as daily_return
    from snapshots
    where snapshot_type = 'eod'

),

with_former as (

    select
        *,
        lag(return_index) over history as former_index,
        lag(max_drawdown_pct) over history as former_drawdown_pct
    from ends
    window history as (partition by account_id order by snapshot_time)

),

-- The index was lost where its drawdown is NULL too (docs/adr/0165): a percentage alone is NULL
-- where it has no room. Or where a new one began within the day: the day's return does not lead to
-- it then, by more than the rounding of the three.
with_losses as (

    select
        *,
        former_drawdown_pct is not null
        and coalesce(
            max_drawdown_pct is null
            or abs(return_index::double - former_index::double * (1 + daily_return::double))
            > 0.000002 * (1 + former_index::double + return_index::double),
            false
        ) as is_lost
    from with_former

),

numbered as (

    select
        *,
        count_if(is_lost) over (partition by account_id order by snapshot_time) as losses
    from with_losses

),

final as (

    select
        *,
        losses = max(losses) over (partition by account_id) as is_of_present_index
    from numbered

)

select * from final
