-- What changes the lots of a position: fills, what comes and goes in kind, and splits, of accounts
-- that say how their lots are closed (docs/adr/0030).
with

accounts as (

    select * from {{ ref('stg_accounts') }}
    where lot_method is not null

),

states as {{ not_materialized() }} (

    select * from {{ ref('int_position_states') }}

),

final as (

    select
        states.account_id,
        states.exchange,
        states.symbol,
        states.strategy_id,
        states.position_side,
        states.event_number,
        states.event_at,
        coalesce(states.original_time, states.event_at) as opened_at,
        states.action,
        -- to lots it is a fill
        nullif(states.action, 'cash_in_lieu') as lot_action,
        states.action_order,
        states.cost_share,
        accounts.lot_method,
        coalesce(states.position_delta, 0)::decimal(38, 10) as quantity,
        coalesce(states.price, 0)::decimal(38, 10) as price,
        states.ratio,
        -- a fill of an inverse contract has a cost of its own
        coalesce(
            states.transfer,
            case when states.transfer_cost is not null and states.action is null then 'in' end
        ) as transfer,
        states.transfer_cost
    from states
    inner join accounts on states.account_id = accounts.account_id

)

select * from final
