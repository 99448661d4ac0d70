-- depends_on: {{ ref('int_positions_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{{ config(
    materialized='incremental',
    unique_key=position + ['event_number'],
    meta={
        'region': {
            'pending': 'int_positions_to_restate',
            'by': position[:4],
            'from': 'event_at'
        },
        'time': 'event_at'
    }
) }}

-- What each position holds after every event, and what that cost and earned. The events of a
-- position are put in order and handed to the fold as one list (fold_positions,
-- python_ingest/accounting/fold.py), which begins with what the position was before them.
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
        select former.*
        from {{ this }} as former
        inner join {{ ref('int_positions_to_restate') }} as pending
            on
                {{ same_key('former', 'pending', position[:4]) }}
                and former.event_at < pending.restart_at
        qualify
            row_number() over (
                partition by {{ columns_of(position, 'former') }}
                order by former.event_number desc
            ) = 1
    {% else %}
        select
            account_id,
            exchange,
            symbol,
            strategy_id,
            position_side,
            0::bigint as event_number,
            0::decimal(38, 10) as quantity,
            0::decimal(38, 20) as cost_basis,
            0::decimal(38, 20) as realized_pnl
        from events
        where false
    {% endif %}

),

numbered as (

    select
        *,
        row_number() over (
            partition by {{ columns_of(position) }}
            order by
                event_at asc,
                is_split desc,
                kind asc,
                sequence_number asc nulls last,
                trade_number asc nulls last,
                content_hash asc
        ) as step
    from events

),

folded as (

    select
        {{ columns_of(position, 'numbered') }},
        coalesce(any_value(beginnings.event_number), 0) as events_before,
        fold_positions(
            {% for held in ['quantity', 'cost_basis', 'realized_pnl'] %}
                -- what was unknown is not nothing
                case
                    when count(beginnings.event_number) = 0 then 0
                    else any_value(beginnings.{{ held }})
                end,
            {% endfor %}
            list(
                {
                    'quantity': numbered.quantity,
                    'price': numbered.price,
                    'ratio': numbered.ratio,
                    'transfer': numbered.transfer,
                    'transfer_cost': numbered.transfer_cost
                }
                order by numbered.step
            ),
            numbered.position_side
        ) as states
    from numbered
    left join beginnings on {{ same_key('numbered', 'beginnings', position) }}
    group by {{ columns_of(position, 'numbered') }}

),

unfolded as (

    select
        {{ columns_of(position) }},
        events_before,
        unnest(range(1, len(states) + 1)) as step,
        unnest(states) as state
    from folded

),

final as (

    select
        {{ columns_of(position, 'unfolded') }},
        unfolded.events_before + unfolded.step as event_number,
        numbered.event_at,
        numbered.is_split,
        numbered.ratio,
        numbered.order_id,
        numbered.fill_id,
        unfolded.state.quantity, -- noqa: RF01
        unfolded.state.average_price, -- noqa: RF01
        unfolded.state.cost as cost_basis, -- noqa: RF01
        unfolded.state.realized as realized_pnl -- noqa: RF01
    from unfolded
    inner join numbered on {{ same_key('unfolded', 'numbered', position + ['step']) }}

)

select * from final
order by event_at
