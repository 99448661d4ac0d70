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

accounts as (

    select * from {{ ref('stg_accounts') }}
    where hedge_mode

),

with_commission as (

    select
        fills.* replace (
            -- Other accounts hold one position of a symbol, whatever a message says. A lot that
            -- comes in kind is long when it is bought; it goes out by the other side.
            case
                when accounts.account_id is null then 'net'
                when fills.transfer is null then fills.position_side
                when (fills.side = 'buy') = (fills.transfer = 'in') then 'long'
                else 'short'
            end as position_side
        ),
        -- Spot: a commission in the asset itself is taken from what is held.
        coalesce(
            fills.commission_currency = instruments.base_currency
            and not instruments.margined
            and instruments.base_currency <> instruments.settle_currency,
            false
        ) as is_base_commission,
        coalesce(charged_pegs.pegged_to, fills.commission_currency)
        = coalesce(quote_pegs.pegged_to, instruments.settle_currency) as is_quote_commission,
        instruments.multiplier,
        coalesce(instruments.is_inverse, false) as is_inverse
    from fills
    inner join instruments
        on fills.exchange = instruments.exchange and fills.symbol = instruments.symbol
    left join pegs as charged_pegs on fills.commission_currency = charged_pegs.currency
    left join pegs as quote_pegs on instruments.settle_currency = quote_pegs.currency
    left join accounts on fills.account_id = accounts.account_id

),

final as (

    select
        * exclude (multiplier) replace (
            -- without the multiplier, signed as what it brings
            case
                when transfer_cost is not null
                    then {{ divide_in_integers(
                        scaled_wide(
                            "(case when (side = 'buy') = is_inverse then -1 else 1 end"
                            ~ " * transfer_cost)"
                        ),
                        '(multiplier * 10000)',
                        20,
                        decimals_of_numerator=6
                    ) }}
                when is_inverse and transfer is null
                    then {{ inverse_cost(
                        "case when side = 'buy' then quantity else -quantity end", 'price'
                    ) }}
            end::decimal(38, 20) as transfer_cost
        ),
        case when side = 'buy' then quantity else -quantity end as signed_quantity,
        case when side = 'buy' then quantity else -quantity end
        - case when is_base_commission then commission else 0 end as position_delta
    from with_commission

)

select * from final
