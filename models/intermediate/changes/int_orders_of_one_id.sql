{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}

-- Orders of a UUID that several orders have, and those that name it as their parent, where an event
-- of one of them landed since all of the chain was built: their ids in the marts may be others.
with

events as {{ not_materialized() }} (

    select * from {{ landed('orders') }}

),

changed as (

    select distinct {{ as_uuid('order_id') }} as uuid
    from {{ ref('int_new_order_events') }}

),

orders as (

    select distinct
        {{ columns_of(order, 'events') }},
        changed.uuid
    from events
    inner join changed on {{ as_uuid('events.order_id') }} = changed.uuid

),

shared as (

    select uuid
    from orders
    group by uuid
    having count(*) > 1

),

final as (

    select {{ columns_of(order, 'orders') }}
    from orders
    semi join shared on {{ same_key('orders', 'shared', ['uuid']) }}
    union
    select {{ columns_of(order, 'events') }}
    from events
    inner join shared on {{ as_uuid('events.parent_order_id') }} = shared.uuid

)

select * from final
