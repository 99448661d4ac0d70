-- depends_on: {{ ref('int_positions_to_restate') }}
{% set position = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{{ config(
    materialized='incremental',
    unique_key=position + ['lot_number'],
    meta={
        'region': {
            'pending': 'int_positions_to_restate',
            'by': position[:4],
            'from': 'held_until'
        },
        'time': 'held_until'
    }
) }}

-- What is left of each lot. One that was closed before a restart stays what it is; one that is open
-- is held until infinity.
with

accounts as (

    select * from {{ ref('stg_accounts') }}

),

changes as (

    select changes.*
    from {{ ref('int_lot_changes') }} as changes
    {% if is_incremental() %}
        semi join {{ ref('int_positions_to_restate') }} as pending
            on {{ same_key('changes', 'pending', position[:4]) }}
    {% endif %}

),

newest as (

    select *
    from changes
    qualify
        row_number() over (
            partition by {{ columns_of(position) }}, lot_number
            order by event_number desc
        ) = 1

),

-- Lots of an average share one cost: what the position's newest change left.
states as (

    select
        newest.account_id,
        newest.exchange,
        newest.symbol,
        newest.strategy_id,
        newest.position_side,
        newest.lot_number,
        newest.opening_symbol,
        newest.opening_number,
        newest.opening_spin_off,
        -- Such a one goes on under another symbol.
        coalesce(newest.quantity = 0 and newest.action = 'symbol_out', false) as is_moved,
        accounts.lot_method,
        newest.opened_at,
        newest.opened_quantity,
        newest.quantity,
        newest.cost,
        case
            when newest.quantity = 0 then null
            when accounts.lot_method = 'average' then first_value(newest.unit_cost) over last_first
            else newest.unit_cost
        end as unit_cost,
        -- A closed lot has no part in what its position costs later.
        if(
            newest.quantity = 0, null, first_value(newest.position_cost) over last_first
        ) as position_cost,
        if(newest.quantity = 0, newest.event_at, timestamp 'infinity') as held_until
    from newest
    inner join accounts on newest.account_id = accounts.account_id
    window last_first as (
        partition by {{ columns_of(position, 'newest') }}
        order by newest.event_number desc, newest.part desc
    )

),

final as (

    select states.*
    from states
    {% if is_incremental() %}
        semi join {{ ref('int_positions_to_restate') }} as pending
            on
                {{ same_key('states', 'pending', position[:4]) }}
                and states.held_until >= pending.restart_at
    {% endif %}

)

select * from final
order by held_until
