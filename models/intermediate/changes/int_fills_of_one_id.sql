{% set order = ['account_id', 'exchange', 'symbol', 'order_id'] %}
{% set fill = order + ['fill_id'] %}

-- Fills that did not change themselves since all of the chain was built, but whose ids in the marts
-- may have: another fill took their trade id or lost it, or another order that of theirs.
with

events as {{ not_materialized() }} (

    select * from {{ landed('orders') }}

),

changed_fills as (

    select * from {{ ref('int_changed_fills') }}

),

orders_of_one_id as (

    select * from {{ ref('int_orders_of_one_id') }}

),

-- What a changed fill is called, or was.
ids as (

    select distinct
        {{ columns_of(order[:3], 'events') }},
        unnest([events.trade_id, events.fill_id]) as name
    from events
    inner join changed_fills on {{ same_key('events', 'changed_fills', fill) }}
    where events.is_fill

),

uuids as (

    select distinct {{ as_uuid('name') }} as uuid
    from ids

),

-- As the last build left them, or this one made them: they are the same.
unchanged_fills as {{ not_materialized() }} (

    select
        {{ columns_of(fill + ['strategy_id', 'executed_at'], 'fills') }},
        coalesce(fills.trade_id, fills.fill_id) as name
    from {{ ref('int_fills') }} as fills
    anti join changed_fills on {{ same_key('fills', 'changed_fills', fill) }}

),

bearers as (

    select
        fills.*,
        concat_ws(chr(31), {{ columns_of(order[:3], 'fills') }}, fills.name) as id
    from unchanged_fills as fills
    inner join ids on {{ same_key('fills', 'ids', order[:3] + ['name']) }}
    where {{ as_uuid('fills.name') }} is null
    union all
    select
        fills.*,
        uuids.uuid::varchar as id
    from unchanged_fills as fills
    inner join uuids on {{ as_uuid('fills.name') }} = uuids.uuid

),

-- Two of them share it with each other, whatever else has it.
only_bearers as (

    select *
    from bearers
    qualify count(*) over (partition by id) = 1

),

final as (

    select
        {{ columns_of(order + ['strategy_id']) }},
        executed_at as restart_at
    from only_bearers
    union all
    select
        {{ columns_of(order + ['strategy_id'], 'fills') }},
        fills.executed_at as restart_at
    from {{ ref('int_fills') }} as fills
    semi join orders_of_one_id on {{ same_key('fills', 'orders_of_one_id', order) }}

)

select * from final
