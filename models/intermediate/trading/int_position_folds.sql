-- depends_on: {{ ref('int_positions_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{% set told = [
    'book as symbol', 'action', 'cost_share as share', 'quantity', 'price', 'ratio', 'transfer',
    'transfer_cost'
] %}
{% set group = ['account_id', 'exchange', 'lineage', 'strategy_id', 'position_side'] %}
{{ config(
    materialized='incremental',
    unique_key=position + ['event_number'],
    meta={
        'region': {'pending': 'int_positions_to_restate', 'by': position[:4], 'from': 'event_at'},
        'time': 'event_at'
    }
) }}

-- What each position holds after every event, what that cost and earned (accounting/books.py).
with

events as (

    select events.*
    from {{ ref('int_position_events') }} as events
    {% if is_incremental() %}
        semi join {{ ref('int_positions_to_restate') }} as pending
            on
                {{ same_key('events', 'pending', position[:4]) }}
                and events.event_at >= pending.restart_at
    {% endif %}

),

beginnings as (

    {% if is_incremental() %}
        {{ newest_before_restart(position) }}
    {% else %}
        select
            * replace (0::decimal(38, 10) as quantity),
            0::bigint as event_number,
            0::decimal(38, 20) as cost_basis,
            0::decimal(38, 20) as realized_pnl
        from events
        where false
    {% endif %}

),

linked_beginnings as (

    {{ with_lineage('beginnings') }}

),

starts as (

    select
        {{ columns_of(group) }},
        list({{ struct_of(
            ['book as symbol', 'quantity', 'cost_basis as cost', 'realized_pnl as realized'],
            'linked_beginnings'
        ) }}) as states
    from linked_beginnings
    group by {{ columns_of(group) }}

),

linked_events as (

    {{ with_lineage('events') }}

),

numbered as (

    {{ numbered_steps('linked_events', group, position) }}

),

folded as (

    select
        {{ columns_of(group, 'numbered') }},
        fold_positions(
            coalesce(any_value(starts.states), []),
            list({{ struct_of(told, 'numbered') }} order by numbered.step),
            numbered.position_side
        ) as states,
        list(numbered.event_at order by numbered.step)
        filter (where numbered.book is not null) as times
    from numbered
    left join starts on {{ same_key('numbered', 'starts', group) }}
    group by {{ columns_of(group, 'numbered') }}

),

unfolded as (

    select
        {{ columns_of(group) }},
        unnest(range(1, len(states) + 1)) as step,
        unnest(states) as state,
        times
    from folded

),

final as (

    select
        {{ columns_of(position, 'numbered') }},
        coalesce(beginnings.event_number, 0) + numbered.own_step as event_number,
        numbered.event_at,
        numbered.is_split,
        numbered.ratio,
        numbered.cost_share,
        numbered.action,
        numbered.action_symbol,
        numbered.action_order,
        numbered.order_id,
        numbered.fill_id,
        unfolded.state.quantity, -- noqa: RF01
        unfolded.state.average_price, -- noqa: RF01
        unfolded.state.cost as cost_basis, -- noqa: RF01
        unfolded.state.realized as realized_pnl, -- noqa: RF01
        -- of what a new symbol took over: when it was opened, or of which symbols before all events
        unfolded.times[unfolded.state.opened_step] as inherited_at, -- noqa: RF01
        unfolded.state.opened_symbols as inherited_from -- noqa: RF01
    from unfolded
    inner join numbered on {{ same_key('unfolded', 'numbered', group + ['step']) }}
    left join beginnings on {{ same_key('numbered', 'beginnings', position) }}

)

select * from final
order by event_at
