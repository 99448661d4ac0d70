{{ config(severity='warn') }}

-- A fill of an account with hedge mode that names no side is of neither: it makes a third position,
-- `net`. Its feed does not tell sides, or the seed `accounts` gives hedge mode to an account that
-- has none.
select
    fills.account_id,
    fills.exchange,
    fills.symbol,
    fills.strategy_id,
    fills.executed_at,
    fills.fill_id,
    fills.side,
    fills.quantity
from {{ ref('int_position_fills') }} as fills
inner join {{ ref('stg_accounts') }} as accounts on fills.account_id = accounts.account_id
where
    accounts.hedge_mode
    and fills.position_side = 'net'
