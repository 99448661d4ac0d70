{{ config(materialized='table') }}

-- What of the cash of an instrument belongs to each position, in its own currency and in that of
-- the instrument; the last position takes the remainder.
with

holders as (

    select * from {{ ref('int_cash_holders') }}

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

rates as (

    select * from {{ ref('int_currency_rates') }}

),

pegs as (

    select * from {{ ref('stg_currency_pegs') }}

),

weighed as (

    select
        *,
        sum(weight) over event as total_weight,
        row_number() over (
            partition by account_id, exchange, event_id
            order by strategy_id desc, position_side desc, symbol desc
        ) = 1 as is_last
    from holders
    window event as (partition by account_id, exchange, event_id)

),

rounded_shares as (

    select
        *,
        {{ share_of('amount', 'weight', 'total_weight') }} as share
    from weighed

),

shares as (

    select
        * exclude (amount),
        if(is_last, amount - sum(share) over event + share, share)::decimal(38, 16) as amount
    from rounded_shares
    window event as (partition by account_id, exchange, event_id)

),

in_currencies as (

    select
        shares.*,
        coalesce(own_pegs.pegged_to, shares.currency) as from_currency,
        coalesce(quote_pegs.pegged_to, instruments.settle_currency) as to_currency
    from shares
    inner join instruments on {{ same_key('shares', 'instruments', ['exchange', 'symbol']) }}
    left join pegs as own_pegs on shares.currency = own_pegs.currency
    left join pegs as quote_pegs on instruments.settle_currency = quote_pegs.currency

),

-- Without a rate it is no part of the position, only of the portfolio.
final as (

    select
        in_currencies.account_id,
        in_currencies.exchange,
        in_currencies.symbol,
        in_currencies.strategy_id,
        in_currencies.position_side,
        in_currencies.trip_number,
        in_currencies.event_id,
        in_currencies.event_time,
        in_currencies.part,
        in_currencies.currency,
        in_currencies.amount,
        if(
            in_currencies.from_currency = in_currencies.to_currency,
            in_currencies.amount,
            {{ convert('in_currencies.amount', 'rates.rate') }}
        ) as amount_in_quote
    from in_currencies
    asof left join rates
        on
            in_currencies.from_currency = rates.from_currency
            and in_currencies.to_currency = rates.to_currency
            and in_currencies.event_time >= rates.known_at

)

select * from final
