-- Instruments whose bars are made of quotes; those of all others are made of trades.
with

instruments as (

    select * from {{ ref('stg_instruments') }}

),

final as (

    select
        exchange,
        symbol,
        bar_price
    from instruments
    where bar_price in ('bid', 'ask', 'mid')

)

select * from final
