{{ config(severity='warn') }}

-- A symbol changed into one that was held already: both are one position from then on, and what was
-- of the other side is closed at its cost. Two companies that merge are two transfers.
select
    account_id,
    exchange,
    symbol,
    strategy_id,
    position_side,
    event_at,
    action_symbol as former_symbol,
    previous_quantity as held,
    position_delta as came
from {{ ref('int_position_states') }}
where action = 'symbol_in' and previous_quantity <> 0
