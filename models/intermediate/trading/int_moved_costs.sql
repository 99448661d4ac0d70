-- What a corporate action did to the cost of a position and to what it realised, in money.
with

states as (

    select * from {{ ref('int_position_states') }}
    where action <> 'cash_in_lieu'

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

in_money as (

    select
        states.account_id,
        states.exchange,
        states.symbol,
        states.event_at,
        instruments.settle_currency as quote_currency,
        instruments.margined,
        {{ realized_in_money('instruments.multiplier', 'states.') }} as realized_pnl,
        {{ in_money('states.cost_basis', 'instruments.multiplier') }}
        - {{ in_money(
            '(states.cost_basis - states.realized_pnl_delta - states.transfer_cost)',
            'instruments.multiplier'
        ) }} as cost
    from states
    inner join instruments on {{ same_key('states', 'instruments', ['exchange', 'symbol']) }}

),

final as (

    select
        *,
        0 as flow,
        case when margined then 0 else realized_pnl - cost end as brought_in
    from in_money

)

select * from final
