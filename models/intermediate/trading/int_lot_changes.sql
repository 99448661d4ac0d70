-- depends_on: {{ ref('int_positions_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{% set group = ['account_id', 'exchange', 'lineage', 'strategy_id', 'position_side'] %}
{% set lot = [
    'book as symbol', 'lot_number', 'opened_at', 'quantity', 'opened_quantity', 'cost',
    'opening_symbol', 'opening_number', 'opening_spin_off'
] %}
{% set told = [
    'book as symbol', 'lot_action as action', 'cost_share as share', 'event_number', 'opened_at',
    'quantity', 'price', 'ratio', 'transfer', 'transfer_cost'
] %}
{% set added = {
    'part': 'bigint', 'lot_number': 'bigint', 'opened_quantity': 'decimal(38, 10)',
    'cost': 'decimal(38, 20)', 'position_cost': 'decimal(38, 20)',
    'realized_pnl': 'decimal(38, 20)', 'opening_symbol': 'varchar', 'opening_number': 'bigint',
    'opening_spin_off': 'varchar'
} %}
{{ config(
    materialized='incremental',
    unique_key=position + ['event_number', 'lot_number'],
    meta={
        'region': {'pending': 'int_positions_to_restate', 'by': position[:4], 'from': 'event_at'},
        'time': 'event_at'
    }
) }}
-- What each event did to the lots that were open before (python_ingest/accounting/lots.py).
with

events as {{ not_materialized() }} (

    select events.*
    from {{ ref('int_lot_events') }} as events
    {% if is_incremental() %}
        semi join {{ ref('int_positions_to_restate') }} as pending
            on
                {{ same_key('events', 'pending', position[:4]) }}
                and events.event_at >= pending.restart_at
    {% endif %}

),

former as (

    {% if is_incremental() %}
        {{ before_restart(position) }}
    {% else %}
        select
            {% for name, type in added.items() %}
                null::{{ type }} as {{ name }},
            {% endfor %}
            *
        from events
        where false
    {% endif %}

),

newest as (

    select
        *,
        row_number() over (
            partition by {{ columns_of(position) }} order by event_number desc, part desc
        ) = 1 as is_last
    from former
    qualify
        row_number() over (
            partition by {{ columns_of(position) }}, lot_number
            order by event_number desc
        ) = 1

),

linked as (

    {{ with_lineage('newest') }}

),

beginnings as (

    select
        {{ columns_of(group) }},
        list({{ struct_of(lot, 'linked') }} order by lot_number)
        filter (where quantity is distinct from 0) as lots,
        list(
            {{ struct_of(
                ['book as symbol', 'position_cost as cost', 'realized_pnl as realized'], 'linked'
            ) }}
        ) filter (where is_last) as books
    from linked
    group by {{ columns_of(group) }}

),

linked_events as (

    {{ with_lineage('events') }}

),

listed as (

    select
        {{ columns_of(group + ['lot_method']) }},
        list(
            {{ struct_of(told, 'linked_events') }}
            order by event_at, action_order nulls last, event_number
        ) as events
    from linked_events
    group by {{ columns_of(group + ['lot_method']) }}

),

folded as (

    select
        {{ columns_of(group, 'listed') }},
        unnest( -- noqa: AL03
            fold_position_lots(
                listed.lot_method,
                coalesce(beginnings.lots, []),
                coalesce(beginnings.books, []),
                listed.events
            ),
            recursive := true
        )
    from listed
    left join beginnings on {{ same_key('listed', 'beginnings', group) }}

),

final as (

    select
        folded.* exclude (lineage) replace ( -- noqa: RF02
            coalesce(folded.symbol, folded.lineage) as symbol
        ),
        events.event_at,
        events.action
    from folded
    inner join events
        on
            {{ same_key('folded', 'events', position[:2] + position[3:] + ['event_number']) }}
            and coalesce(folded.symbol, folded.lineage) = events.symbol

)

select * from final
order by event_at
