-- How do our orders end, how fast do they fill, in how many pieces?
with

orders as (

    select * from {{ ref('orders') }}

),

trades as (

    select * from {{ ref('trades') }}

),

fills as (

    select
        order_id,
        count(*) as fills,
        min(executed_at) as first_fill_at,
        max(executed_at) as last_fill_at,
        count_if(commission < 0) as rebated_fills
    from trades
    group by order_id

),

final as (

    select
        orders.strategy_id,
        orders.exchange,
        orders.symbol,
        orders.order_type,
        count(*) as orders,
        count_if(orders.status = 'filled') as filled,
        count_if(orders.status = 'cancelled') as cancelled,
        count_if(orders.status = 'rejected') as rejected,
        -- where the quantity is unknown, so is the share
        round(
            sum(orders.filled_quantity) filter (
                where orders.status != 'rejected' and orders.quantity is not null
            ) / sum(orders.quantity) filter (where orders.status != 'rejected'),
            4
        ) as filled_share_of_accepted,
        round(avg(fills.fills), 2) as fills_per_order,
        median(fills.first_fill_at - orders.submitted_at) as median_time_to_first_fill,
        median(fills.last_fill_at - orders.submitted_at) as median_time_to_last_fill,
        coalesce(sum(fills.rebated_fills), 0)::bigint as rebated_fills
    from orders
    left join fills on orders.order_id = fills.order_id
    group by all

)

select * from final
order by strategy_id, exchange, symbol, order_type
