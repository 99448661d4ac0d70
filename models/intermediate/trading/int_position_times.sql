-- depends_on: {{ ref('int_valuations_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{% set told = [
    'snapshot_time', 'is_published', 'is_fill', 'quantity', 'average_price', 'cost_basis',
    'realized_pnl', 'trip_number', 'opened_at', 'closed_at', 'correlation_id'
] %}
{{ config(
    materialized='incremental',
    unique_key=position + ['snapshot_time'],
    meta={
        'region': {'pending': 'int_valuations_to_restate', 'by': position[:4], 'from': 'snapshot_time'},
        'time': 'snapshot_time'
    }
) }}

-- When each position is valued: at fills, at payments, and at every mark while it is open.
with

mark_times as (

    select * from {{ ref('int_mark_times') }}

),

-- A fill, or a leg of an action, has a row; a split shows at the next mark, its own time included.
states as (

    select
        states.*,
        states.event_at as held_from,
        not states.is_split and states.action is null as is_fill,
        not states.is_split or states.quantity = 0 as has_row,
        states.event_at - interval (states.is_split::integer) microsecond as marked_after
    from {{ ref('int_position_states') }} as states
    {% if is_incremental() %}
        semi join {{ ref('int_valuations_to_restate') }} as pending
            on
                {{ same_key('states', 'pending', position[:4]) }}
                and states.event_at >= pending.restart_at
    {% endif %}

),

{% if is_incremental() %}
    -- The last event before the restart: a split may have no row of its own.
    newest as (

        select
            {{ columns_of(position, 'former') }},
            pending.restart_at,
            max(former.event_number) as event_number
        from {{ ref('int_position_states') }} as former
        inner join {{ ref('int_valuations_to_restate') }} as pending
            on {{ same_key('former', 'pending', position[:4]) }}
        where former.event_at < pending.restart_at
        group by {{ columns_of(position, 'former') }}, pending.restart_at

    ),
{% endif %}

holdings as (

    select * from states
    {% if is_incremental() %}
        union all by name
        select
            former.*,
            false as is_fill,
            false as has_row,
            former.event_at as held_from,
            newest.restart_at - interval 1 microsecond as marked_after
        from {{ ref('int_position_states') }} as former
        inner join newest on {{ same_key('former', 'newest', position + ['event_number']) }}
    {% endif %}

),

-- Of the states of one time the last one counts.
spans as (

    select
        *,
        lead(held_from, 1, timestamp 'infinity') over (
            partition by {{ columns_of(position) }}
            order by event_number
        ) as held_until
    from holdings
    qualify held_until > held_from

),

marks as (

    select
        spans.* replace (false as is_fill), -- noqa: RF02
        unnest(range(
            coalesce(before.mark_number, 0) + 1, coalesce(until.mark_number, 0) + 1
        )) as mark_number
    from spans
    asof left join mark_times as before on spans.marked_after >= before.snapshot_time
    asof left join mark_times as until on spans.held_until > until.snapshot_time
    where spans.quantity is distinct from 0

),

payments as (

    select paid.* from {{ ref('int_paid_positions') }} as paid
    {% if is_incremental() %}
        semi join {{ ref('int_valuations_to_restate') }} as pending
            on
                {{ same_key('paid', 'pending', position[:4]) }}
                and paid.snapshot_time >= pending.restart_at
    {% endif %}

),

times as (

    select
        spans.*,
        spans.held_from as snapshot_time,
        true as is_published,
        if(spans.quantity = 0, coalesce(former.closed_at, spans.held_from), null) as closed_at
    from spans
    left join {{ ref('int_positions_closed_before') }} as former
        on {{ same_key('spans', 'former', position + ['event_at']) }}
    where spans.has_row
    union all by name
    select
        marks.*,
        mark_times.snapshot_time,
        mark_times.is_mark as is_published
    from marks
    inner join mark_times on marks.mark_number = mark_times.mark_number

),

final as (

    select {{ columns_of(position + told, 'times') }}
    from times
    anti join payments on {{ same_key('times', 'payments', position + ['snapshot_time']) }}
    union all
    select {{ columns_of(position + told) }} from payments

)

select * from final
order by snapshot_time
