-- Fills that count, with what each cost in commission, in the currency its instrument is quoted in;
-- and what an action did to a trip as a fill does: cash in lieu sells, a spin-off brings, and a
-- new symbol may close what was held of it.
with

fills as {{ not_materialized() }} (

    select
        * replace (
            case
                when action is null then side
                when position_delta > 0 then 'buy'
                else 'sell'
            end as side,
            case when action is null then commission else 0 end as commission,
            case when action is null then fees else 0 end as fees
        )
    from {{ ref('int_position_states') }}
    where
        not is_split
        and (
            action is null
            or action in ('cash_in_lieu', 'spin_off_in')
            or (action = 'symbol_in' and sign(previous_quantity) * sign(position_delta) < 0)
        )

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

rates as (

    select * from {{ ref('int_currency_rates') }}

),

pegs as (

    select * from {{ ref('stg_currency_pegs') }}

),

priced_fills as {{ not_materialized() }} (

    select
        fills.* exclude (commission, commission_currency), -- noqa: RF02
        instruments.multiplier,
        instruments.margined,
        instruments.is_inverse,
        instruments.settle_currency as quote_currency,
        fills.commission as commission_amount,
        fills.commission_currency as charged_in,
        case
            when fills.is_base_commission
                then {{ in_money('(fills.commission * fills.price)', 'instruments.multiplier') }}
            else fills.commission
        end::decimal(38, 16) as charge,
        fills.is_base_commission
        or fills.is_quote_commission
        or fills.commission = 0 as needs_no_conversion
    from fills
    inner join instruments
        on fills.exchange = instruments.exchange and fills.symbol = instruments.symbol

),

plain as (

    select
        * exclude (charge),
        charge as commission,
        quote_currency as commission_currency,
        true as is_converted
    from priced_fills
    where needs_no_conversion

),

foreign_charges as (

    select
        priced_fills.*,
        coalesce(charged_pegs.pegged_to, priced_fills.charged_in) as from_currency,
        coalesce(quote_pegs.pegged_to, priced_fills.quote_currency) as to_currency
    from priced_fills
    left join pegs as charged_pegs on priced_fills.charged_in = charged_pegs.currency
    left join pegs as quote_pegs on priced_fills.quote_currency = quote_pegs.currency
    where not priced_fills.needs_no_conversion

),

-- Without a price it stays open in its own currency.
converted as (

    select
        charges.* exclude (charge, from_currency, to_currency), -- noqa: RF02
        case
            when rates.rate is null then charges.commission_amount::decimal(38, 16)
            else {{ convert('charges.commission_amount', 'rates.rate') }}
        end as commission,
        case when rates.rate is null then charges.charged_in else charges.quote_currency end
            as commission_currency,
        rates.rate is not null as is_converted
    from foreign_charges as charges
    asof left join rates
        on
            charges.from_currency = rates.from_currency
            and charges.to_currency = rates.to_currency
            and charges.event_at >= rates.known_at

),

final as (

    select * from plain
    union all
    select * from converted

)

select * from final
