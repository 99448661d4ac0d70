-- What the fills of an order cost beyond the middle of the newest quote when it was created.
with

quoted_orders as (

    select * from {{ ref('int_quoted_orders') }}

),

with_money as (

    select
        *,
        {{ in_money('(' ~ worth('filled', 'mid_price', 'is_inverse') ~ ')', 'multiplier') }}
            as worth_at_mid,
        {{ in_money(
            '(' ~ worth('filled', 'average_fill_price', 'is_inverse') ~ ')', 'multiplier'
        ) }} as worth_as_filled,
        case when side = 'buy' then 1 else -1 end as direction
    from quoted_orders

),

final as (

    select
        order_id,
        account_id,
        exchange,
        symbol,
        strategy_id,
        side,
        order_type,
        created_at,
        quoted_at,
        mid_price,
        average_fill_price,
        filled_quantity,
        {{ rounded('abs(worth_at_mid)', 8) }} as notional_at_mid,
        {{ rounded('direction * (worth_as_filled - worth_at_mid)', 8) }} as slippage,
        {{ percentage('direction * (worth_as_filled - worth_at_mid)', 'abs(worth_at_mid)') }}
            as slippage_pct,
        quote_currency as currency,
        date
    from with_money

)

select * from final
