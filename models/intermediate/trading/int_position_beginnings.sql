-- Since when there is each position that a corporate action may concern: its first fill, or what
-- another symbol brought it.
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
with recursive

fills as {{ not_materialized() }} (

    select * from {{ ref('int_position_fills') }}

),

actions as (

    select * from {{ ref('int_corporate_actions') }}
    where fault is null

),

lineages as (

    select * from {{ ref('int_symbol_lineages') }}

),

concerned as (

    select
        exchange,
        symbol
    from actions
    union
    select
        exchange,
        symbol
    from lineages

),

filled as (

    select
        {{ columns_of(position, 'fills') }},
        min(fills.executed_at) as began_at
    from fills
    semi join concerned on {{ same_key('fills', 'concerned', ['exchange', 'symbol']) }}
    group by {{ columns_of(position, 'fills') }}

),

begun as (

    select * from filled
    union
    select
        begun.account_id,
        begun.exchange,
        actions.new_symbol as symbol,
        begun.strategy_id,
        begun.position_side,
        actions.effective_at as began_at
    from begun
    inner join actions
        on
            {{ same_key('begun', 'actions', ['exchange', 'symbol']) }}
            and begun.began_at <= actions.effective_at
    where actions.new_symbol is not null

),

final as (

    select
        {{ columns_of(position) }},
        min(began_at) as began_at
    from begun
    group by {{ columns_of(position) }}

)

select * from final
