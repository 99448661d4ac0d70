-- depends_on: {{ ref('int_positions_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{% set group = ['account_id', 'exchange', 'lineage', 'strategy_id', 'position_side'] %}
{{ config(
    materialized='incremental',
    unique_key=position + ['event_number', 'lot_number'],
    meta={
        'region': {
            'pending': 'int_positions_to_restate',
            'by': position[:4],
            'from': 'event_at'
        },
        'time': 'event_at'
    }
) }}
-- What each event did to the lots that were open before (python_ingest/accounting/lots.py).
with

lineages as (

    select * from {{ ref('int_symbol_lineages') }}

),

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
        select former.*
        from {{ this }} as former
        inner join {{ ref('int_positions_to_restate') }} as pending
            on
                {{ same_key('former', 'pending', position[:4]) }}
                and former.event_at < pending.restart_at
    {% else %}
        select
            *,
            0::bigint as part,
            0::bigint as lot_number,
            0::decimal(38, 10) as opened_quantity,
            0::decimal(38, 20) as cost,
            0::decimal(38, 20) as position_cost,
            0::decimal(38, 20) as realized_pnl,
            null::varchar as opening_symbol,
            null::bigint as opening_number,
            null::varchar as opening_spin_off
        from events
        where false
    {% endif %}

),

newest as (

    select *
    from former
    qualify
        row_number() over (
            partition by {{ columns_of(position) }}, lot_number
            order by event_number desc
        ) = 1

),

-- Of what corporate actions link: its lineage, and the symbol by which its lots are told apart.
linked as (

    select
        newest.*,
        coalesce(lineages.lineage, newest.symbol) as lineage,
        if(lineages.symbol is null, null, newest.symbol) as book
    from newest
    left join lineages on {{ same_key('newest', 'lineages', ['exchange', 'symbol']) }}

),

open_lots as (

    select
        {{ columns_of(group) }},
        list(
            {
                'symbol': book,
                'lot_number': lot_number,
                'opened_at': opened_at,
                'quantity': quantity,
                'opened_quantity': opened_quantity,
                'cost': cost,
                'opening_symbol': opening_symbol,
                'opening_number': opening_number,
                'opening_spin_off': opening_spin_off
            }
            order by lot_number
        ) as lots
    from linked
    where quantity is distinct from 0
    group by {{ columns_of(group) }}

),

last_changes as (

    select *
    from linked
    qualify
        row_number() over (
            partition by {{ columns_of(position) }}
            order by event_number desc, part desc
        ) = 1

),

books as (

    select
        {{ columns_of(group) }},
        list(
            {
                'symbol': book,
                'cost': position_cost,
                'realized': realized_pnl
            }
        ) as books
    from last_changes
    group by {{ columns_of(group) }}

),

listed as (

    select
        events.account_id,
        events.exchange,
        coalesce(lineages.lineage, events.symbol) as lineage,
        events.strategy_id,
        events.position_side,
        events.lot_method,
        list(
            {
                'symbol': if(lineages.symbol is null, null, events.symbol),
                -- to lots it is a fill
                'action': nullif(events.action, 'cash_in_lieu'),
                'share': events.cost_share,
                'event_number': events.event_number,
                'opened_at': events.opened_at,
                'quantity': events.quantity,
                'price': events.price,
                'ratio': events.ratio,
                'transfer': events.transfer,
                'transfer_cost': events.transfer_cost
            }
            order by events.event_at, events.action_order nulls last, events.event_number
        ) as events
    from events
    left join lineages on {{ same_key('events', 'lineages', ['exchange', 'symbol']) }}
    group by all

),

folded as (

    select
        {{ columns_of(group, 'listed') }},
        unnest( -- noqa: AL03
            fold_position_lots(
                listed.lot_method,
                coalesce(open_lots.lots, []),
                coalesce(books.books, []),
                listed.events
            ),
            recursive := true
        )
    from listed
    left join open_lots on {{ same_key('listed', 'open_lots', group) }}
    left join books on {{ same_key('listed', 'books', group) }}

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
