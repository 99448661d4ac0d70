-- Warm rows and those in Parquet; a row that is in both counts as the warm one says.
with

warm as (

    select
        *,
        created_at::date as date
    from {{ ref('orders_warm') }}

),

cold as (

    select * from {{ cold_rows('orders') }}

),

warm_and_cold as (

    select * from warm
    union all by name
    select * from cold

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
        is_implied,
        date
    from warm_and_cold

)

select * from final
