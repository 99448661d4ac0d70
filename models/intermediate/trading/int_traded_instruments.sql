{{ config(materialized='table') }}

-- What was traded, with the defaults of what the seed does not list.
with

fills as (

    select * from {{ ref('int_fills') }}

),

instruments as (

    select * from {{ ref('stg_instruments') }}

),

lineages as (

    select * from {{ ref('int_symbol_lineages') }}

),

filled as (

    select distinct
        exchange,
        symbol
    from fills

),

-- Also what was never traded, but came of what was.
held as (

    select * from filled
    union
    select
        others.exchange,
        others.symbol
    from filled
    inner join lineages on {{ same_key('filled', 'lineages', ['exchange', 'symbol']) }}
    inner join lineages as others on {{ same_key('lineages', 'others', ['exchange', 'lineage']) }}

),

traded as (

    select
        exchange,
        symbol,
        -- Alpaca's messages have no multiplier; the symbol of an option says what it is.
        exchange = 'alpaca'
        and regexp_full_match(symbol, '[A-Z]{1,6}[0-9]?[0-9]{6}[CP][0-9]{8}') as is_us_option
    from held

),

final as (

    select
        traded.exchange,
        traded.symbol,
        instruments.exchange is not null as is_listed,
        coalesce(instruments.asset_class, if(traded.is_us_option, 'option', null)) as asset_class,
        instruments.base_currency,
        -- That of its money: an inverse contract settles in its base currency.
        coalesce(instruments.settle_currency, '{{ var("base_currency") }}') as settle_currency,
        coalesce(instruments.price_exchange, traded.exchange) as price_exchange,
        coalesce(
            instruments.multiplier, if(traded.is_us_option, 100, 1)
        )::decimal(18, 4) as multiplier,
        coalesce(instruments.margined, false) as margined,
        coalesce(instruments.is_inverse, false) as is_inverse
    from traded
    left join instruments
        on traded.exchange = instruments.exchange and traded.symbol = instruments.symbol

)

select * from final
