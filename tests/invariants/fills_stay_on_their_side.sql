{{ config(severity='warn') }}

-- A position that is kept by sides ends at nothing: a fill that reduces it by more than was held
-- counts as far as that. A fill before it has not come in yet, or its side is told wrongly.
select
    account_id,
    exchange,
    symbol,
    strategy_id,
    position_side,
    event_at,
    fill_id,
    previous_quantity as held,
    signed_quantity - if(is_base_commission, commission, 0) as told,
    position_delta as counted
from {{ ref('int_position_states') }}
where
    position_side <> 'net'
    and position_delta <> signed_quantity - if(is_base_commission, commission, 0)
