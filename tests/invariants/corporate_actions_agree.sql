{{ config(severity='warn') }}
{% set pair = ['exchange', 'effective_at'] %}
{% set withdraw = 'withdraw what is wrong: land it again with withdrawn = true' %}

-- Actions that contradict each other, or name a symbol that has nothing to be acted on yet, or any
-- more, at their instant: what was assumed, and what to do.
with

actions as (

    select * from {{ ref('int_corporate_actions') }}
    where fault is null

),

contradicted as (

    select
        *,
        'of ' || len(versions) || ' versions the one with the smallest content hash counts: '
        || versions::varchar as assumed,
        '{{ withdraw }}' as what_to_do
    from actions
    where len(versions) > 1

),

-- What happens to a symbol before something comes to it.
too_early as (

    select
        actions.*,
        'it comes before the ' || others.kind || ' of ' || others.symbol
        || ', so it is of what was held of ' || actions.symbol || ' before' as assumed,
        'if it is of what came, name ' || others.symbol || ', and {{ withdraw }}' as what_to_do
    from actions
    inner join actions as others
        on
            {{ same_key('actions', 'others', pair) }}
            and actions.symbol = others.new_symbol
            and (actions.is_split or actions.kind = 'spin_off')
            and actions.kind <> others.kind

),

too_late as (

    select
        actions.*,
        'it comes after the symbol_change, so nothing is held of ' || actions.symbol as assumed,
        'name ' || others.new_symbol || ', and {{ withdraw }}' as what_to_do
    from actions
    inner join actions as others
        on
            {{ same_key('actions', 'others', pair + ['symbol']) }}
            and actions.kind = 'cash_in_lieu'
            and others.kind = 'symbol_change'

),

found as (

    {% for some in ['contradicted', 'too_early', 'too_late'] %}
        select * from {{ some }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    exchange,
    symbol,
    ex_date,
    kind,
    ratio,
    new_symbol,
    assumed,
    what_to_do
from found
