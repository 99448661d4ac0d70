-- TimescaleDB keeps eight decimals, an average here has ten; and the account `main` alone
-- (docs/adr/0072).
with

duckdb as (

    select
        'orders' as relation,
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
        round(average_fill_price, 8) as average_fill_price,
        status,
        created_at,
        submitted_at,
        filled_at,
        commission
    from {{ ref('orders') }}
    where
        {{ in_extracts('orders', 'created_at') }}
        and account_id = 'main'

),

timescale as (

    select
        'orders' as relation,
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
        round(average_fill_price, 8) as average_fill_price,
        status,
        created_at,
        submitted_at,
        filled_at,
        commission
    from {{ ref('stg_timescale_orders') }}

),

final as (

    select
        'duckdb' as system,
        *
    from duckdb
    union all by name
    select
        'timescale' as system,
        *
    from timescale

)

select * from final
