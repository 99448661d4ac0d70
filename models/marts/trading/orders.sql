with

warm as (

    select * from {{ ref('orders_warm') }}

),

final as (

    select
        order_id,
        client_order_id,
        exchange,
        symbol,
        strategy_id,
        side,
        order_type,
        time_in_force,
        quantity,
        price,
        stop_price,
        filled_quantity,
        average_fill_price,
        status,
        status_message,
        created_at,
        submitted_at,
        updated_at,
        filled_at,
        commission,
        commission_currency,
        correlation_id,
        parent_order_id,
        extended_hours,
        metadata,
        source_order_id,
        is_implied
    from warm

)

select * from final
