-- Fills that count, with what each does to the position it belongs to.
with

fills as (

    select * from {{ ref('int_fills') }}
    where not is_busted

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

pegs as (

    select * from {{ ref('stg_currency_pegs') }}

),

with_commission as (

    select
        fills.*,
        -- Spot: a commission in the asset itself is taken from what is held.
        coalesce(
            fills.commission_currency = instruments.base_currency
            and not instruments.margined
            and instruments.base_currency <> instruments.quote_currency,
            false
        ) as is_base_commission,
        coalesce(charged_pegs.pegged_to, fills.commission_currency)
        = coalesce(quote_pegs.pegged_to, instruments.quote_currency) as is_quote_commission
    from fills
    inner join instruments
        on fills.exchange = instruments.exchange and fills.symbol = instruments.symbol
    left join pegs as charged_pegs on fills.commission_currency = charged_pegs.currency
    left join pegs as quote_pegs on instruments.quote_currency = quote_pegs.currency

),

final as (

    select
        *,
        case when side = 'buy' then quantity else -quantity end as signed_quantity,
        case when side = 'buy' then quantity else -quantity end
        - case when is_base_commission then commission else 0 end as position_delta
    from with_commission

)

select * from final
