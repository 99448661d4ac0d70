-- Every movement of money, in its own currency.
with

fills as (

    select * from {{ ref('int_position_fills') }}

),

states as (

    select * from {{ ref('int_position_states') }}

),

charges as (

    select * from {{ ref('int_fill_charges') }}

),

cash_events as (

    select * from {{ ref('stg_cash_events') }}

),

traded as (

    select
        fills.executed_at as moved_at,
        fills.quote_currency as currency,
        -- A margined instrument moves no notional, only what it realises.
        if(
            fills.margined,
            states.own_realized_pnl * fills.multiplier,
            -fills.signed_quantity::decimal(38, 8) * fills.price * fills.multiplier
        )::decimal(38, 24) as traded,
        (states.own_realized_pnl * fills.multiplier)::decimal(38, 24) as realized_pnl,
        fills.fees::decimal(38, 24) as fees
    from fills
    inner join states
        on
            fills.exchange = states.exchange
            and fills.symbol = states.symbol
            and fills.order_id = states.order_id
            and fills.fill_id = states.fill_id

),

charged as (

    select
        fills.executed_at as moved_at,
        charges.commission_currency as currency,
        charges.commission,
        -- A commission in the asset itself was taken from what is held.
        if(fills.is_base_commission, 0, charges.commission) as commission_paid
    from charges
    inner join fills
        on
            charges.exchange = fills.exchange
            and charges.symbol = fills.symbol
            and charges.order_id = fills.order_id
            and charges.fill_id = fills.fill_id
    where charges.commission <> 0

),

final as (

    select
        moved_at,
        currency,
        0::decimal(38, 24) as flow,
        0::decimal(38, 24) as other_cash,
        realized_pnl,
        0::decimal(38, 24) as commission,
        fees,
        traded - fees as cash
    from traded

    union all

    select
        moved_at,
        currency,
        0 as flow,
        0 as other_cash,
        0 as realized_pnl,
        commission,
        0 as fees,
        -commission_paid as cash
    from charged

    union all

    select
        event_time as moved_at,
        currency,
        if(is_flow, amount, 0) as flow,
        if(is_flow, 0, amount) as other_cash,
        0 as realized_pnl,
        0 as commission,
        0 as fees,
        amount as cash
    from cash_events

)

select * from final
