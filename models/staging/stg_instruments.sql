{{ config(pre_hook="{{ refuse_inverse_contracts() }}") }}

with

instruments as (

    select * from {{ ref('instruments') }}

),

final as (

    select
        exchange,
        symbol,
        asset_class,
        base_currency,
        coalesce(quote_currency, '{{ var("base_currency") }}') as quote_currency,
        coalesce(bar_price, 'trade') as bar_price,
        coalesce(multiplier, 1)::decimal(18, 8) as multiplier,
        coalesce(margined, false) as margined,
        coalesce(price_exchange, exchange) as price_exchange
    from instruments

)

select * from final
