{{ config(materialized='table') }}

-- What was traded, with the defaults of what the seed does not list.
with

fills as (

    select * from {{ ref('int_fills') }}

),

instruments as (

    select * from {{ ref('stg_instruments') }}

),

traded as (

    select distinct
        exchange,
        symbol
    from fills

),

final as (

    select
        traded.exchange,
        traded.symbol,
        instruments.asset_class,
        instruments.base_currency,
        coalesce(instruments.quote_currency, '{{ var("base_currency") }}') as quote_currency,
        coalesce(instruments.price_exchange, traded.exchange) as price_exchange,
        coalesce(instruments.multiplier, 1)::decimal(18, 4) as multiplier,
        coalesce(instruments.margined, false) as margined
    from traded
    left join instruments
        on traded.exchange = instruments.exchange and traded.symbol = instruments.symbol

)

select * from final
