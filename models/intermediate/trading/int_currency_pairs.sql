-- What has a price that is the rate of two currencies, where its price is; a pegged currency counts
-- as what it is pegged to. An option's price is a premium, one of many units no rate.
with

instruments as (

    select * from {{ ref('stg_instruments') }}

),

pegs as (

    select * from {{ ref('stg_currency_pegs') }}

),

final as (

    select
        instruments.price_exchange,
        instruments.symbol,
        coalesce(base_pegs.pegged_to, instruments.base_currency) as base_currency,
        coalesce(quote_pegs.pegged_to, instruments.quote_currency) as quote_currency
    from instruments
    left join pegs as base_pegs on instruments.base_currency = base_pegs.currency
    left join pegs as quote_pegs on instruments.quote_currency = quote_pegs.currency
    where
        instruments.base_currency is not null
        and not instruments.margined
        and instruments.multiplier = 1
        and coalesce(instruments.asset_class, '') <> 'option'
    qualify
        row_number() over (
            partition by instruments.price_exchange, instruments.symbol
            order by instruments.exchange <> instruments.price_exchange, instruments.exchange
        ) = 1

)

select * from final
