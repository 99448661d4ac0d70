-- depends_on: {{ ref('int_positions_to_restate') }}
{% set scope = ['account_id', 'exchange', 'symbol'] %}
{% set fill = scope + ['order_id', 'fill_id'] %}
{{ config(
    materialized='incremental',
    unique_key=fill,
    meta={
        'region': {
            'pending': 'int_positions_to_restate',
            'by': scope + ['strategy_id'],
            'from': 'executed_at'
        },
        'time': 'executed_at'
    }
) }}

-- Fills whose trade id another fill has too (docs/adr/0166), and the name that tells them apart: it
-- has their order and fill id as well. It is no UUID, so it is hashed, with account, exchange and
-- symbol. Busted fills count: a bust renames no other fill.
with

fills as {{ not_materialized() }} (

    select
        {{ columns_of(fill + ['strategy_id', 'executed_at']) }},
        coalesce(trade_id, fill_id) as name
    from {{ ref('int_fills') }}

),

restated_fills as (

    select
        fills.*,
        {{ as_uuid('fills.name') }} as uuid
    from fills
    {% if is_incremental() %}
        semi join {{ ref('int_positions_to_restate') }} as pending
            on
                {{ same_key('fills', 'pending', scope + ['strategy_id']) }}
                and fills.executed_at >= pending.restart_at
    {% endif %}

),

uuids as (

    select distinct uuid from restated_fills

),

shared_uuids as (

    select uuids.uuid
    from fills
    inner join uuids on {{ as_uuid('fills.name') }} = uuids.uuid
    group by uuids.uuid
    having count(*) > 1

),

shared_names as (

    select
        {{ columns_of(scope, 'fills') }},
        fills.name
    from fills
    semi join restated_fills
        on {{ same_key('fills', 'restated_fills', scope + ['name']) }}
    group by {{ columns_of(scope, 'fills') }}, fills.name
    having count(*) > 1

),

shared as (

    select restated_fills.*
    from restated_fills
    semi join shared_uuids on {{ same_key('restated_fills', 'shared_uuids', ['uuid']) }}
    union all
    select restated_fills.*
    from restated_fills
    semi join shared_names on {{ same_key('restated_fills', 'shared_names', scope + ['name']) }}
    where restated_fills.uuid is null

),

final as (

    select
        {{ columns_of(fill + ['strategy_id', 'executed_at']) }},
        concat_ws(chr(31), name, order_id, fill_id) as trade_name
    from shared

)

select * from final
