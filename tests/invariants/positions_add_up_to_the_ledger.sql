-- In every account and currency: what all positions realised, cost and earned so far is what the
-- ledger says, before any rounding; where nothing was charged or paid in another currency.
with

commissions as (

    select * from {{ ref('int_fill_commissions') }}

),

shares as (

    select
        shares.*,
        instruments.settle_currency as quote_currency
    from {{ ref('int_cash_shares') }} as shares
    inner join {{ ref('int_traded_instruments') }} as instruments
        on
            shares.exchange = instruments.exchange
            and shares.symbol = instruments.symbol

),

foreign_currencies as (

    select
        account_id,
        unnest([quote_currency, charged_in]) as currency
    from commissions
    where not needs_no_conversion
    union
    select
        account_id,
        unnest([quote_currency, currency]) as currency
    from shares
    where currency <> quote_currency

),

costs as (

    select
        costs.account_id,
        instruments.settle_currency as currency,
        -(costs.commission + costs.fees) as amount
    from {{ ref('int_position_costs') }} as costs
    inner join {{ ref('int_traded_instruments') }} as instruments
        on costs.exchange = instruments.exchange and costs.symbol = instruments.symbol
    qualify
        row_number() over (
            partition by
                costs.account_id,
                costs.exchange,
                costs.symbol,
                costs.strategy_id,
                costs.position_side
            order by costs.event_at desc
        ) = 1

),

positions as (

    select
        account_id,
        quote_currency as currency,
        {{ in_money('realized_pnl', 'multiplier') }} as amount
    from commissions
    qualify
        row_number() over (
            partition by account_id, exchange, symbol, strategy_id, position_side
            order by event_number desc
        ) = 1
    union all
    select * from costs
    union all
    select
        account_id,
        currency,
        amount_in_quote as amount
    from shares

),

ledger as (

    select
        account_id,
        currency,
        commission + fees - realized_pnl - carry as amount
    from {{ ref('int_ledger') }}
    union all
    -- adjustments of what was never held
    select
        events.account_id,
        events.currency,
        events.amount
    from {{ ref('stg_cash_events') }} as events
    anti join shares
        on {{ same_key('events', 'shares', ['account_id', 'exchange', 'event_id']) }}
    where events.part = 'commission'

),

sums as (

    select
        account_id,
        currency,
        sum(amount) as amount
    from (
        select * from positions
        union all
        select * from ledger
    ) as both_sides
    group by account_id, currency
    having count(amount) = count(*)

)

select sums.*
from sums
anti join foreign_currencies
    on
        sums.account_id = foreign_currencies.account_id
        and sums.currency = foreign_currencies.currency
where sums.amount <> 0
