-- What a corporate action did to the cost of a position and to what it realised, in money: cost that
-- goes to another symbol leaves nothing to pay.
with

states as (

    select * from {{ ref('int_position_states') }}
    where action <> 'cash_in_lieu'

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

final as (

    select
        states.account_id,
        states.exchange,
        states.symbol,
        states.event_at,
        instruments.quote_currency,
        instruments.margined,
        {{ in_money('states.realized_pnl', 'instruments.multiplier') }}
        - {{ in_money(
            '(states.realized_pnl - states.realized_pnl_delta)', 'instruments.multiplier'
        ) }} as realized_pnl,
        {{ in_money('states.cost_basis', 'instruments.multiplier') }}
        - {{ in_money(
            '(states.cost_basis - states.realized_pnl_delta - states.transfer_cost)',
            'instruments.multiplier'
        ) }} as cost
    from states
    inner join instruments on {{ same_key('states', 'instruments', ['exchange', 'symbol']) }}

)

select * from final
