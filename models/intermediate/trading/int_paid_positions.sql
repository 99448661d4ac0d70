{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}

-- What each position was whenever cash was paid to it, also after it had been closed, by its last
-- event until then.
with

payments as (

    select * from {{ ref('int_position_cash') }}

),

-- Of the states of one time the last one counts.
states as (

    select states.*
    from {{ ref('int_position_states') }} as states
    semi join payments on {{ same_key('states', 'payments', position) }}
    qualify
        row_number() over (
            partition by {{ columns_of(position + ['event_at'], 'states') }}
            order by states.event_number desc
        ) = 1

),

final as (

    select
        {{ columns_of(position, 'payments') }},
        payments.event_time as snapshot_time,
        true as is_published,
        states.event_at = payments.event_time
        and not states.is_split
        and states.action is null as is_fill,
        states.quantity,
        states.average_price,
        states.cost_basis,
        states.realized_pnl,
        states.trip_number,
        states.opened_at,
        case
            when states.quantity = 0 then coalesce(former.closed_at, states.event_at)
        end as closed_at,
        states.correlation_id
    from payments
    asof inner join states
        on
            {{ same_key('payments', 'states', position) }}
            and payments.event_time >= states.event_at
    left join {{ ref('int_positions_closed_before') }} as former
        on {{ same_key('states', 'former', position + ['event_at']) }}

)

select * from final
