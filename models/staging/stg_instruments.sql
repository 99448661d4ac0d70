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
            when multiplier <= 0
                then
                    {{ fail(
                        "'The multiplier of ' || exchange || ' ' || symbol || ' in seeds/instruments.csv is not above"
                        ~ " zero: state what one contract is worth per point, or leave it empty for 1.'"
                    ) }}::decimal(18, 4)
            when coalesce(try_cast(multiplier as decimal(18, 4)) <> multiplier, multiplier > 1)
                then
                    {{ fail(
                        "'The multiplier of ' || exchange || ' ' || symbol || ' in seeds/instruments.csv has more"
                        ~ " than four decimals, or fourteen digits before them: state its quantities in another unit (docs/adr/0165).'"
                    ) }}::decimal(18, 4)
            else coalesce(multiplier, 1)::decimal(18, 4)
        end as multiplier,
        coalesce(margined, false) as margined,
        -- A margined contract quoted in its base currency is inverse; reject it instead of booking
        -- it as linear.
        case
            when margined and base_currency = quote_currency
                then
                    {{ fail(
                        "'Base and quote currency of ' || exchange || ' ' || symbol || ' in seeds/instruments.csv are"
                        ~ " one: name the currency of its price as quote_currency, and what it settles in as"
                        ~ " settle_currency (docs/adr/0180).'"
                    ) }}::string
            when
                settle_currency <> coalesce(quote_currency, '{{ var("base_currency") }}')
                and (settle_currency = base_currency and margined) is not true
                then
                    {{ fail(
                        "'The settle_currency of ' || exchange || ' ' || symbol || ' in seeds/instruments.csv is"
                        ~ " neither its quote currency nor, of a margined contract, its base currency: such"
                        ~ " contracts are not supported (docs/adr/0180).'"
                    ) }}::string
            else coalesce(settle_currency, quote_currency, '{{ var("base_currency") }}')
        end as settle_currency,
        coalesce(
            settle_currency <> coalesce(quote_currency, '{{ var("base_currency") }}'), false
        ) as is_inverse,
        coalesce(price_exchange, exchange) as price_exchange
    from instruments

)

select * from final
