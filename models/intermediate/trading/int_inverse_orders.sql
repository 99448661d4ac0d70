-- What the fills of an order of an inverse contract cost, without the multiplier: its average price
-- is harmonic (docs/adr/0180).
{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}
with

fills as (

    select * from {{ ref('int_fills') }}
    where not is_busted and transfer is null

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}
    where is_inverse

),

final as (

    select
        fills.account_id,
        fills.exchange,
        fills.symbol,
        fills.order_id,
        sum(fills.quantity) as quantity,
        {{ sum_if_known(inverse_cost('fills.quantity', 'fills.price')) }} as cost
    from fills
    inner join instruments on {{ same_key('fills', 'instruments', ['exchange', 'symbol']) }}
    group by {{ columns_of(order, 'fills') }}

)

select * from final
