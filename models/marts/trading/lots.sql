with

lots as (

    select * from {{ ref('int_lots') }}
    -- A lot that went on under another symbol is a lot of that one.
    where is_moved is not true

),

final as (

    select
        lot_id,
        account_id,
        exchange,
        symbol,
        strategy_id,
        position_side,
        case when opened_quantity > 0 then 'long' else 'short' end as side,
        lot_method,
        opened_at,
        opening_price,
        abs(opened_quantity)::decimal(38, 10) as opened_quantity,
        abs(quantity)::decimal(38, 10) as remaining_quantity,
        unit_cost::decimal(38, 10) as unit_cost,
        case when opened_quantity > 0 then cost else -cost end::decimal(38, 8) as remaining_cost,
        {{ rounded('commission', 8) }} as commission,
        {{ rounded('fees', 8) }} as fees,
        case when quantity = 0 then held_until end as closed_at,
        quote_currency as currency
    from lots

)

select * from final
