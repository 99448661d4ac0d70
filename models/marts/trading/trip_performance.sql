{{ config(materialized='view') }}

with

trips as (

    select * from {{ ref('round_trips') }}

),

of_accounts as (

    select
        unnest([account_id, 'all']) as account_id,
        currency,
        net_pnl
    from trips

),

totals as (

    select
        account_id,
        currency,
        count(*) as trips,
        count_if(net_pnl > 0)::bigint as won,
        count_if(net_pnl < 0)::bigint as lost,
        sum(net_pnl) as net_pnl,
        coalesce(sum(net_pnl) filter (where net_pnl > 0), 0) as gross_profit,
        coalesce(-sum(net_pnl) filter (where net_pnl < 0), 0) as gross_loss
    from of_accounts
    group by account_id, currency

),

final as (

    select
        account_id,
        currency,
        trips,
        won,
        lost,
        {{ divide_exactly('won', 'trips', 4) }}::decimal(10, 4) as win_rate,
        gross_profit::decimal(38, 8) as gross_profit,
        gross_loss::decimal(38, 8) as gross_loss,
        try_cast({{ divide_exactly(
            scaled('gross_profit'), scaled('gross_loss'), 4
        ) }} as decimal(10, 4)) as profit_factor,
        net_pnl::decimal(38, 8) as net_pnl
    from totals

)

select * from final
