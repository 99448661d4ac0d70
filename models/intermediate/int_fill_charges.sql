-- What each fill cost in commission, in the currency its instrument is quoted in.
with

fills as (

    select * from {{ ref('int_position_fills') }}

),

rates as (

    select * from {{ ref('int_currency_rates') }}

),

pegs as (

    select * from {{ ref('stg_currency_pegs') }}

),

plain as (

    select
        exchange,
        symbol,
        order_id,
        fill_id,
        if(
            is_base_commission,
            commission::decimal(38, 8) * price * multiplier,
            commission
        )::decimal(38, 24) as commission,
        quote_currency as commission_currency,
        true as is_converted
    from fills
    where is_base_commission or is_quote_commission or commission = 0

),

foreign_charges as (

    select
        fills.*,
        coalesce(charged_pegs.pegged_to, fills.commission_currency) as from_currency,
        coalesce(quote_pegs.pegged_to, fills.quote_currency) as to_currency
    from fills
    left join pegs as charged_pegs on fills.commission_currency = charged_pegs.currency
    left join pegs as quote_pegs on fills.quote_currency = quote_pegs.currency
    where not (fills.is_base_commission or fills.is_quote_commission or fills.commission = 0)

),

needed_rates as (

    select * from rates
    where
        (from_currency, to_currency) in (
            select (needed.from_currency, needed.to_currency) from foreign_charges as needed
        )

),

-- Without a price it stays open in its own currency.
converted as (

    select
        charges.exchange,
        charges.symbol,
        charges.order_id,
        charges.fill_id,
        coalesce(charges.commission::decimal(38, 8) * needed_rates.rate, charges.commission)
        ::decimal(38, 24) as commission,
        if(needed_rates.rate is null, charges.commission_currency, charges.quote_currency)
            as commission_currency,
        needed_rates.rate is not null as is_converted
    from foreign_charges as charges
    asof left join needed_rates
        on
            charges.from_currency = needed_rates.from_currency
            and charges.to_currency = needed_rates.to_currency
            and charges.executed_at >= needed_rates.known_at

),

final as (

    select * from plain
    union all
    select * from converted

)

select * from final
