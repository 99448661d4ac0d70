{% set moved = [
    'account_id', 'event_at', 'quote_currency', 'margined', 'flow', 'brought_in', 'realized_pnl'
] %}
-- Every movement of money, in its own currency; NULL where it is unknown.
with

charged_fills as {{ not_materialized() }} (

    select
        *,
        {{ realized_in_money() }} as realized,
        {{ in_money('cost_basis', 'multiplier') }} as cost_so_far,
        -- What is realised is what the cost fell by, less what was paid: to the last digit.
        {{ in_money(
            '(cost_basis - realized_pnl_delta - position_delta * price)', 'multiplier'
        ) }} as cost_before
    from {{ ref('int_fill_commissions') }}
    where transfer is null and (action is null or action = 'cash_in_lieu')

),

-- In kind, and of a cost that went to another symbol: both legs bring nothing, or what was rounded.
transfers as (

    select {{ columns_of(moved) }}
    from {{ ref('int_transfers') }}
    union all
    select {{ columns_of(moved) }}
    from {{ ref('int_moved_costs') }}

),

counted_cash as (

    select * from {{ ref('int_counted_cash') }}

),

final as (

    select
        account_id,
        event_at as moved_at,
        quote_currency as currency,
        0::decimal(38, 16) as flow,
        0::decimal(38, 16) as other_cash,
        0::decimal(38, 16) as carry,
        0::decimal(38, 16) as brought_in,
        realized as realized_pnl,
        0::decimal(38, 16) as commission,
        fees::decimal(38, 16) as fees,
        -- A margined instrument moves no notional, only what it realises. A commission in the asset
        -- itself was paid with it.
        realized
        - case when margined then 0 else cost_so_far - cost_before end
        - case when is_base_commission then commission else 0 end
        - fees as cash
    from charged_fills

    union all

    select
        account_id,
        event_at as moved_at,
        commission_currency as currency,
        0 as flow,
        0 as other_cash,
        0 as carry,
        0 as brought_in,
        0 as realized_pnl,
        commission,
        0 as fees,
        -- A commission in the asset itself was taken from what is held.
        case when is_base_commission then 0 else -commission end as cash
    from charged_fills
    where commission <> 0 or commission is null

    union all

    select
        account_id,
        event_at as moved_at,
        quote_currency as currency,
        flow,
        0 as other_cash,
        0 as carry,
        brought_in,
        realized_pnl,
        0 as commission,
        0 as fees,
        case when margined then realized_pnl else 0 end as cash
    from transfers

    union all

    select
        account_id,
        event_time as moved_at,
        currency,
        case when part = 'flow' then amount else 0 end as flow,
        case when part = 'other_cash' then amount else 0 end as other_cash,
        case when part = 'carry' then amount else 0 end as carry,
        0 as brought_in,
        0 as realized_pnl,
        case when part = 'commission' then -amount else 0 end as commission,
        case when part = 'fees' then -amount else 0 end as fees,
        amount as cash
    from counted_cash

)

select * from final
