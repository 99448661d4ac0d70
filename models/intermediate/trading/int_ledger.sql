-- Every movement of money, in its own currency.
with

charged_fills as {{ not_materialized() }} (

    select * from {{ ref('int_fill_commissions') }}

),

cash_events as (

    select * from {{ ref('stg_cash_events') }}

),

final as (

    select
        event_at as moved_at,
        quote_currency as currency,
        0::decimal(38, 24) as flow,
        0::decimal(38, 24) as other_cash,
        (realized_pnl_delta * multiplier)::decimal(38, 24) as realized_pnl,
        0::decimal(38, 24) as commission,
        fees::decimal(38, 24) as fees,
        -- A margined instrument moves no notional, only what it realises.
        case
            when margined then realized_pnl_delta * multiplier
            else -signed_quantity::decimal(38, 8) * price * multiplier
        end::decimal(38, 24) - fees as cash
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
    where commission <> 0

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
