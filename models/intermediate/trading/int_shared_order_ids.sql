-- depends_on: {{ ref('int_orders_to_restate') }}
{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}
{{ config(
    materialized='incremental',
    unique_key=order,
    meta={'region': {'pending': 'int_orders_to_restate', 'by': order}}
) }}

-- Orders whose UUID an order of another account, exchange or symbol has too (docs/adr/0166):
-- whichever takes it, or loses it, all that have it are restated.
with

orders as {{ not_materialized() }} (

    select
        {{ columns_of(order) }},
        {{ as_uuid('order_id') }} as uuid
    from {{ ref('int_order_terms') }}

),

restated_orders as (

    select orders.*
    from orders
    {% if is_incremental() %}
        semi join {{ ref('int_orders_to_restate') }} as pending
            on {{ same_key('orders', 'pending', order) }}
    {% endif %}

),

shared_uuids as (

    select orders.uuid
    from orders
    semi join restated_orders on {{ same_key('orders', 'restated_orders', ['uuid']) }}
    group by orders.uuid
    having count(*) > 1

),

final as (

    select restated_orders.*
    from restated_orders
    semi join shared_uuids on {{ same_key('restated_orders', 'shared_uuids', ['uuid']) }}

)

select * from final
