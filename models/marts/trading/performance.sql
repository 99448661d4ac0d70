{{ config(materialized='view') }}

with

together as (

    select * from {{ ref('portfolio_snapshots') }}

),

apart as (

    select * from {{ ref('account_snapshots') }}

),

daily_returns as (

    select * from {{ ref('int_daily_returns') }}

),

ratios as (

    select * from {{ ref('int_return_ratios') }}

),

-- Also one of which no day has ended.
accounts as (

    select account_id from together
    union
    select account_id from apart

),

indexes as (

    select
        account_id,
        max(day) as last_day,
        last(return_index order by day) as return_index,
        last(max_drawdown_pct order by day) as max_drawdown_pct
    from daily_returns
    where is_of_present_index
    group by account_id

),

final as (

    select
        accounts.account_id,
        ratios.first_day,
        indexes.last_day,
        coalesce(ratios.days, 0) as days,
        try_cast((indexes.return_index - 1) * 100 as decimal(10, 4)) as return_pct,
        indexes.max_drawdown_pct,
        ratios.sharpe_ratio,
        ratios.sortino_ratio,
        {{ var('days_per_year') }} as days_per_year,
        {{ var('risk_free_rate') }}::decimal(10, 6) as risk_free_rate,
        '{{ var("base_currency") }}' as currency
    from accounts
    left join indexes on accounts.account_id = indexes.account_id
    left join ratios on accounts.account_id = ratios.account_id

)

select * from final
