{{ config(materialized='view') }}

with

days as (

    select * from {{ ref('int_daily_returns') }}

),

months as (

    select
        account_id,
        date_trunc('month', day)::date as month,
        count(*) as days,
        max(day) = last_day(max(day)) as is_complete,
        bool_or(is_lost) as is_lost,
        -- max_by would skip an index that is NULL, and bring back one that was lost.
        last(return_index order by day) as return_index,
        last(equity order by day) as equity,
        last(net_flows order by day) as net_flows,
        last(total_pnl order by day) as total_pnl
    from days
    group by all

),

with_former as (

    select
        *,
        -- NULL before the first flow and after a loss of everything: the index begins at 1.
        coalesce(lag(return_index) over history, 1) as former_index,
        coalesce(lag(net_flows) over history, 0) as former_flows,
        coalesce(lag(total_pnl) over history, 0) as former_pnl
    from months
    window history as (partition by account_id order by month)

),

with_growth as (

    select
        *,
        return_index::double / nullif(former_index, 0)::double as growth
    from with_former

),

final as (

    select
        account_id,
        month,
        days,
        is_complete,
        case
            when is_lost then null
            else try_cast(100 * growth - 100 as decimal(10, 4))
        end as return_pct,
        (total_pnl - former_pnl)::decimal(38, 2) as net_pnl,
        (net_flows - former_flows)::decimal(38, 2) as net_flows,
        equity::decimal(38, 2) as equity,
        '{{ var("base_currency") }}' as currency
    from with_growth

)

select * from final
