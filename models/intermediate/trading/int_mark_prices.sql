-- What an instrument's price was known to be, from when on: its own closes, and what it took over
-- of the price of another symbol, by a ratio.
with

closes as (

    select * from {{ ref('int_minute_closes') }}

),

carried_prices as (

    select * from {{ ref('int_carried_prices') }}

),

final as (

    select
        price_exchange,
        symbol,
        known_at,
        price,
        null as ratio
    from closes
    union all
    select
        price_exchange,
        symbol,
        known_at,
        price,
        ratio
    from carried_prices

)

select * from final
