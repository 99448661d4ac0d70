{% set fill = ['account_id', 'exchange', 'symbol', 'order_id', 'fill_id'] %}

-- Fills, and what came or went in kind, of accounts whose lots are kept, with what each cost. One
-- through zero closes lots and opens another: the part that closes has its share of the cost.
with

accounts as (

    select * from {{ ref('stg_accounts') }}
    where lot_method is not null

),

commissions as {{ not_materialized() }} (

    select * from {{ ref('int_fill_commissions') }}

),

shared_trades as (

    select * from {{ ref('int_shared_trade_ids') }}

),

fills as (

    select
        commissions.account_id,
        commissions.exchange,
        commissions.symbol,
        commissions.strategy_id,
        commissions.position_side,
        commissions.event_number,
        coalesce(shared_trades.trade_name, commissions.trade_id, commissions.fill_id)
            as trade_name,
        coalesce(
            commissions.action <> 'cash_in_lieu', commissions.transfer is not null
        ) as is_transfer,
        commissions.price,
        commissions.multiplier,
        commissions.is_inverse,
        commissions.quote_currency,
        abs(commissions.position_delta)::decimal(38, 10) as filled_size,
        abs(commissions.previous_quantity) as previous_size,
        coalesce(commissions.opens and commissions.previous_quantity <> 0, false) as flips,
        -- one that could not be converted stays out
        case when commissions.is_converted then commissions.commission else 0 end::decimal(38, 16)
            as commission,
        commissions.fees::decimal(38, 16) as fees
    from commissions
    semi join accounts on commissions.account_id = accounts.account_id
    left join shared_trades on {{ same_key('commissions', 'shared_trades', fill) }}

),

final as (

    select
        * exclude (flips, previous_size),
        case
            when flips then {{ share_of('commission', 'previous_size', 'filled_size') }} else 0
        end as closing_commission,
        case
            when flips then {{ share_of('fees', 'previous_size', 'filled_size') }} else 0
        end as closing_fees
    from fills

)

select * from final
