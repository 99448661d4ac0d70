{{ config(materialized='table') }}
{% set fill = ['account_id', 'exchange', 'symbol', 'order_id', 'fill_id'] %}
{% set scope = ['account_id', 'exchange', 'symbol'] %}

-- Fills whose trade id another fill has too (docs/adr/0230), and the name that tells them apart: it
-- has their order and fill id as well. It is no UUID, so it is hashed, with account, exchange and
-- symbol. Busted fills count: a bust renames no other fill.
with

fills as (

    select
        {{ columns_of(fill) }},
        coalesce(trade_id, fill_id) as name,
        try_cast(coalesce(trade_id, fill_id) as uuid) as uuid
    from {{ ref('int_fills') }}

),

shared_uuids as (

    select uuid
    from fills
    where uuid is not null
    group by uuid
    having count(*) > 1

),

shared_names as (

    select
        {{ columns_of(scope) }},
        name
    from fills
    where uuid is null
    group by {{ columns_of(scope) }}, name
    having count(*) > 1

),

shared as (

    select fills.*
    from fills
    semi join shared_uuids on {{ same_key('fills', 'shared_uuids', ['uuid']) }}
    union all
    select fills.*
    from fills
    semi join shared_names on {{ same_key('fills', 'shared_names', scope + ['name']) }}

),

final as (

    select
        {{ columns_of(fill) }},
        concat_ws(chr(31), name, order_id, fill_id) as trade_name
    from shared

)

select * from final
