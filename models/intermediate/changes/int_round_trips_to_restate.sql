{{ config(materialized='table', meta={'chain': 'trading'}) }}

-- From when on the round trips of a position may have ended otherwise since all of the chain was
-- built: by their fills, or by what a commission in another currency cost.
with

positions_to_restate as (

    select * from {{ ref('int_positions_to_restate') }}

),

states as (

    select * from {{ ref('int_position_states') }}

),

lineages as (

    select * from {{ ref('int_symbol_lineages') }}

),

changed_rates as (

    select * from {{ ref('int_changed_rates') }}

),

restarts as (

    select * from positions_to_restate
    union all
    select
        states.account_id,
        states.exchange,
        states.symbol,
        states.strategy_id,
        changed_rates.restart_at
    from states
    inner join changed_rates on states.event_at >= changed_rates.restart_at
    where not states.is_base_commission and not states.is_quote_commission

),

final as (

    {{ whole_lineage('restarts', 'lineages') }}

)

select * from final
