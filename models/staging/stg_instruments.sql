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
        case
            when multiplier <> multiplier::decimal(18, 4)
                then
                    {{ fail(
                        "'The multiplier of ' || exchange || ' ' || symbol || ' in seeds/instruments.csv has more"
                        ~ " than four decimals: state its quantities in another unit (docs/adr/0165).'"
                    ) }}::decimal(18, 4)
            else coalesce(multiplier, 1)::decimal(18, 4)
        end as multiplier,
        -- An inverse contract, settled in what it is a contract on, would be accounted for as a
        -- linear one.
        case
            when margined and base_currency = quote_currency
                then
                    {{ fail(
                        "'Inverse contracts are not supported: ' || exchange || ' ' || symbol || '. Take it"
                        ~ " out of seeds/instruments.csv and leave its order events out, or model its P&L"
                        ~ " first (docs/adr/0026).'"
                    ) }}::boolean
            else coalesce(margined, false)
        end as margined,
        coalesce(price_exchange, exchange) as price_exchange
    from instruments

)

select * from final
