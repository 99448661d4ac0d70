-- depends_on: {{ ref('int_positions_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{% set group = ['account_id', 'exchange', 'lineage', 'strategy_id', 'position_side'] %}
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
-- position, and of those that corporate actions link to it, are put in order and handed to the fold
-- as one list (fold_positions, python_ingest/accounting/), which begins with what they were before.
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

lineages as (

    select * from {{ ref('int_symbol_lineages') }}

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

starts as (

    select
        beginnings.account_id,
        beginnings.exchange,
        coalesce(lineages.lineage, beginnings.symbol) as lineage,
        beginnings.strategy_id,
        beginnings.position_side,
        list(
            {
                'symbol': if(lineages.symbol is null, null, beginnings.symbol),
                'quantity': beginnings.quantity,
                'cost': beginnings.cost_basis,
                'realized': beginnings.realized_pnl
            }
        ) as states
    from beginnings
    left join lineages on {{ same_key('beginnings', 'lineages', ['exchange', 'symbol']) }}
    group by all

),

with_lineage as (

    select
        events.*,
        coalesce(lineages.lineage, events.symbol) as lineage,
        lineages.symbol is not null as is_linked
    from events
    left join lineages on {{ same_key('events', 'lineages', ['exchange', 'symbol']) }}

),

numbered as (

    select
        *,
        row_number() over (
            partition by {{ columns_of(group) }}
            order by
                event_at asc,
                action_order asc nulls last,
                sequence_number asc nulls last,
                trade_number asc nulls last,
                content_hash asc
        ) as step
    from with_lineage

),

folded as (

    select
        {{ columns_of(group, 'numbered') }},
        fold_positions(
            coalesce(any_value(starts.states), []),
            list(
                {
                    'symbol': if(numbered.is_linked, numbered.symbol, null),
                    'action': numbered.action,
                    'share': numbered.cost_share,
                    'quantity': numbered.quantity,
                    'price': numbered.price,
                    'ratio': numbered.ratio,
                    'transfer': numbered.transfer,
                    'transfer_cost': numbered.transfer_cost
                }
                order by numbered.step
            ),
            numbered.position_side
        ) as states,
        list(numbered.event_at order by numbered.step) filter (where numbered.is_linked) as times
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
        coalesce(beginnings.event_number, 0)
        + row_number() over (
            partition by {{ columns_of(position, 'numbered') }} order by numbered.step
        ) as event_number,
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
        -- of what a new symbol took over: when it was opened, or whose it was before all events
        unfolded.times[unfolded.state.opened_step] as inherited_at, -- noqa: RF01
        unfolded.state.opened_symbol as inherited_from -- noqa: RF01
    from unfolded
    inner join numbered on {{ same_key('unfolded', 'numbered', group + ['step']) }}
    left join beginnings on {{ same_key('numbered', 'beginnings', position) }}

)

select * from final
order by event_at
