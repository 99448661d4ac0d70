{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}

-- Fills that moved nothing while nothing was held, as one past zero on a side: what was closed
-- before such a fill stays closed since then.
with

states as (

    select * from {{ ref('int_position_states') }}

),

closings as (

    select * from states
    where quantity = 0 and previous_quantity <> 0

),

final as (

    select
        {{ columns_of(position + ['event_at'], 'states') }},
        max(closings.event_at) as closed_at
    from states
    asof inner join closings
        on
            {{ same_key('states', 'closings', position) }}
            and states.event_at >= closings.event_at
    where states.quantity = 0 and states.previous_quantity = 0
    group by {{ columns_of(position + ['event_at'], 'states') }}

)

select * from final
