-- Corporate actions that were not withdrawn, and what is wrong with one: such a one does not count,
-- and a test names it.
{% set kinds = ['split', 'stock_dividend', 'spin_off', 'symbol_change', 'cash_in_lieu'] %}
with

actions as (

    select
        *,
        -- of several at one instant
        concat_ws(chr(31), list_position({{ kinds }}, kind), symbol, new_symbol) as action_order
    from {{ ref('stg_corporate_actions') }}
    where is_withdrawn is not true

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

changes as (

    select * from actions
    where kind in ('symbol_change', 'spin_off')

),

-- What is named on both sides at one instant has no order.
in_a_chain as (

    select distinct
        changes.exchange,
        changes.symbol,
        changes.kind,
        changes.effective_at
    from changes
    inner join changes as others
        on
            {{ same_key('changes', 'others', ['exchange', 'kind', 'effective_at']) }}
            and (changes.new_symbol = others.symbol or changes.symbol = others.new_symbol)

),

final as (

    select
        actions.*,
        case
            when in_a_chain.symbol is not null
                then 'its new symbol has such an action then too, or its own comes of one'
            when
                instruments.symbol is not null
                and new_instruments.symbol is not null
                and (
                    instruments.settle_currency,
                    instruments.multiplier,
                    instruments.margined,
                    instruments.is_inverse
                )
                <> (
                    new_instruments.settle_currency,
                    new_instruments.multiplier,
                    new_instruments.margined,
                    new_instruments.is_inverse
                )
                then 'its symbols differ in currency, multiplier or margin: list both in the seed'
            when actions.currency <> instruments.settle_currency
                then 'its currency is not that of the instrument'
            when actions.kind = 'cash_in_lieu' and instruments.is_inverse
                then 'an inverse contract has no fractions that are sold'
        end as fault
    from actions
    left join in_a_chain
        on {{ same_key('actions', 'in_a_chain', ['exchange', 'symbol', 'kind', 'effective_at']) }}
    left join instruments on {{ same_key('actions', 'instruments', ['exchange', 'symbol']) }}
    left join instruments as new_instruments
        on
            actions.exchange = new_instruments.exchange
            and actions.new_symbol = new_instruments.symbol

)

select * from final
