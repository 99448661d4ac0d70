-- Fills that count, with what each does to the position it belongs to.
with

fills as (

    select * from {{ ref('int_fills') }}

),

instruments as (

    select * from {{ ref('stg_instruments') }}

),

pegs as (

    select * from {{ ref('stg_currency_pegs') }}

),

with_instrument as (

    select
        fills.*,
        instruments.base_currency,
        instruments.asset_class,
        coalesce(instruments.price_exchange, fills.exchange) as price_exchange,
        coalesce(instruments.multiplier, 1) as multiplier,
        coalesce(instruments.margined, false) as margined,
        coalesce(instruments.quote_currency, '{{ var("base_currency") }}') as quote_currency,
        if(fills.side = 'buy', fills.quantity, -fills.quantity) as signed_quantity
    from fills
    left join instruments
        on fills.exchange = instruments.exchange and fills.symbol = instruments.symbol
    where not fills.is_busted

),

with_commission as (

    select
        with_instrument.*,
        -- Spot: a commission in the asset itself is taken from what is held.
        with_instrument.commission_currency = with_instrument.base_currency
        and not with_instrument.margined
        and with_instrument.base_currency <> with_instrument.quote_currency as is_base_commission,
        coalesce(charged_peg.pegged_to, with_instrument.commission_currency)
        = coalesce(quote_peg.pegged_to, with_instrument.quote_currency) as is_quote_commission
    from with_instrument
    left join pegs as charged_peg on with_instrument.commission_currency = charged_peg.currency
    left join pegs as quote_peg on with_instrument.quote_currency = quote_peg.currency

),

final as (

    select
        * replace (coalesce(is_base_commission, false) as is_base_commission),
        signed_quantity - if(is_base_commission, commission, 0) as held_quantity
    from with_commission

)

select * from final
