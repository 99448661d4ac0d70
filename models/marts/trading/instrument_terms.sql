{{ config(materialized='view') }}

with

listed as (

    select * from {{ ref('stg_instruments') }}

),

traded as (

    select * from {{ ref('int_traded_instruments') }}

),

bars as (

    select * from {{ ref('ohlcv_bars') }}
    where timeframe = '1d'

),

known as (

    select
        exchange,
        symbol
    from listed
    union
    select
        exchange,
        symbol
    from traded
    union
    select
        exchange,
        symbol
    from bars

),

final as (

    select
        known.exchange,
        known.symbol,
        listed.exchange is not null as is_listed,
        coalesce(listed.asset_class, traded.asset_class) as asset_class,
        listed.base_currency,
        coalesce(listed.quote_currency, '{{ var("base_currency") }}') as quote_currency,
        coalesce(listed.settle_currency, '{{ var("base_currency") }}') as settle_currency,
        coalesce(listed.multiplier, traded.multiplier, 1)::decimal(18, 4) as multiplier,
        coalesce(listed.margined, false) as margined,
        coalesce(listed.is_inverse, false) as is_inverse
    from known
    left join listed on {{ same_key('known', 'listed', ['exchange', 'symbol']) }}
    left join traded on {{ same_key('known', 'traded', ['exchange', 'symbol']) }}

)

select * from final
