-- What one unit of a currency was worth in another, from the 1m closes of their pair, either way
-- round; pegged currencies count as what they are pegged to.
with

prices as (

    select * from {{ ref('int_mark_prices') }}

),

pairs as (

    select * from {{ ref('int_currency_pairs') }}

),

quoted as (

    select
        pairs.price_exchange,
        pairs.symbol,
        pairs.base_currency,
        pairs.quote_currency,
        prices.known_at,
        {{ scaled('prices.price') }} as price_units
    from prices
    inner join pairs
        on prices.price_exchange = pairs.price_exchange and prices.symbol = pairs.symbol
    where prices.price > 0

),

both_ways as (

    select
        base_currency as from_currency,
        quote_currency as to_currency,
        known_at,
        (price_units::decimal(38, 0) * 0.00000001)::decimal(38, 16) as rate,
        price_exchange,
        symbol
    from quoted

    union all

    select
        quote_currency as from_currency,
        base_currency as to_currency,
        known_at,
        {{ divide_exactly('100000000', 'price_units', 16) }} as rate,
        price_exchange,
        symbol
    from quoted

),

final as (

    select
        from_currency,
        to_currency,
        known_at,
        first(rate order by price_exchange, symbol) as rate
    from both_ways
    where from_currency <> to_currency
    group by from_currency, to_currency, known_at

)

select * from final
