-- depends_on: {{ ref('int_positions_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
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
            0::decimal(38, 20) as realized_pnl
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

beginnings as (

    select
        {{ columns_of(position) }},
        last(position_cost order by event_number, part) as position_cost,
        last(realized_pnl order by event_number, part) as realized_pnl,
        list(
            {
                'lot_number': lot_number,
                'opened_at': opened_at,
                'quantity': quantity,
                'opened_quantity': opened_quantity,
                'cost': cost
            }
            order by lot_number
        ) filter (where quantity is distinct from 0) as open_lots
    from newest
    group by {{ columns_of(position) }}

),

listed as (

    select
        {{ columns_of(position) }},
        lot_method,
        list(
            {
                'event_number': event_number,
                'opened_at': opened_at,
                'quantity': quantity,
                'price': price,
                'ratio': ratio,
                'transfer': transfer,
                'transfer_cost': transfer_cost
            }
            order by event_number
        ) as events
    from events
    group by {{ columns_of(position) }}, lot_method

),

folded as (

    select
        {{ columns_of(position, 'listed') }},
        unnest( -- noqa: AL03
            fold_position_lots(
                listed.lot_method,
                coalesce(beginnings.open_lots, []),
                -- what was unknown is not nothing
                if(beginnings.account_id is null, 0, beginnings.position_cost),
                if(beginnings.account_id is null, 0, beginnings.realized_pnl),
                listed.events
            ),
            recursive := true
        )
    from listed
    left join beginnings on {{ same_key('listed', 'beginnings', position) }}

),

final as (

    select
        folded.*,
        events.event_at
    from folded
    inner join events on {{ same_key('folded', 'events', position + ['event_number']) }}

)

select * from final
order by event_at
