-- Instruments whose price is the rate of two currencies; a pegged one counts as what it is pegged
-- to.
with

instruments as (

    select * from {{ ref('stg_instruments') }}

),

pegs as (

    select * from {{ ref('stg_currency_pegs') }}

),

final as (

    select
        instruments.exchange as price_exchange,
        instruments.symbol,
        coalesce(base_pegs.pegged_to, instruments.base_currency) as base_currency,
        coalesce(quote_pegs.pegged_to, instruments.quote_currency) as quote_currency
    from instruments
    left join pegs as base_pegs on instruments.base_currency = base_pegs.currency
    left join pegs as quote_pegs on instruments.quote_currency = quote_pegs.currency
    where instruments.base_currency is not null and not instruments.margined

)

select * from final
