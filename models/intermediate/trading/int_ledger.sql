-- Every movement of money, in its own currency; NULL where it is unknown.
with

charged_fills as {{ not_materialized() }} (

    select
        *,
        {{ in_money('realized_pnl', 'multiplier') }} as realized_so_far,
        {{ in_money('(realized_pnl - realized_pnl_delta)', 'multiplier') }} as realized_before,
        {{ in_money('cost_basis', 'multiplier') }} as cost_so_far,
        -- What is realised is what the cost fell by, less what was paid: to the last digit.
        {{ in_money(
            '(cost_basis - realized_pnl_delta - position_delta * price)', 'multiplier'
        ) }} as cost_before
    from {{ ref('int_fill_commissions') }}

),

cash_events as (

    select * from {{ ref('stg_cash_events') }}

),

final as (

    select
        event_at as moved_at,
        quote_currency as currency,
        0::decimal(38, 16) as flow,
        0::decimal(38, 16) as other_cash,
        realized_so_far - realized_before as realized_pnl,
        0::decimal(38, 16) as commission,
        fees::decimal(38, 16) as fees,
        -- A margined instrument moves no notional, only what it realises. A commission in the asset
        -- itself was paid with it.
        realized_so_far - realized_before
        - case when margined then 0 else cost_so_far - cost_before end
        - case when is_base_commission then commission else 0 end
        - fees as cash
    from charged_fills

    union all

    select
        event_at as moved_at,
        commission_currency as currency,
        0 as flow,
        0 as other_cash,
        0 as realized_pnl,
        commission,
        0 as fees,
        -- A commission in the asset itself was taken from what is held.
        case when is_base_commission then 0 else -commission end as cash
    from charged_fills
    where commission <> 0 or commission is null

    union all

    select
        event_time as moved_at,
        currency,
        case when is_flow then amount else 0 end as flow,
        case when is_flow then 0 else amount end as other_cash,
        0 as realized_pnl,
        0 as commission,
        0 as fees,
        amount as cash
    from cash_events

)

select * from final
