{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}

-- Orders of a UUID that several orders have, and those that name it as their parent, where an event
-- of one of them landed since all of the chain was built: their ids in the marts may be others.
with

events as {{ not_materialized() }} (

    select * from {{ landed('orders') }}

),

changed as (

    select distinct try_cast(order_id as uuid) as uuid
    from {{ ref('int_new_order_events') }}
    where try_cast(order_id as uuid) is not null

),

orders as (

    select distinct
        {{ columns_of(order, 'events') }},
        changed.uuid
    from events
    inner join changed on try_cast(events.order_id as uuid) = changed.uuid

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
    inner join shared on try_cast(events.parent_order_id as uuid) = shared.uuid

)

select * from final
