{{ config(severity='warn') }}

-- More went out in kind than was held: its lot has not come in yet, or is told wrongly.
select
    account_id,
    exchange,
    symbol,
    strategy_id,
    position_side,
    event_at,
    fill_id as event_id,
    previous_quantity as held,
    -position_delta as went_out
from {{ ref('int_position_states') }}
where
    transfer = 'out'
    and (
        sign(previous_quantity) * sign(position_delta) >= 0
        or abs(position_delta) > abs(previous_quantity)
    )
