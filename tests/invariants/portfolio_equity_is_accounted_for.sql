-- In every currency, before any rounding:
-- equity = net flows + other cash events + carry + realised + unrealised - commission - fees - what
-- came in kind had earned elsewhere.
select
    snapshot_time,
    account_id,
    currency,
    equity,
    net_flows + other_cash + carry + realized_pnl + unrealized_pnl - commission - fees - brought_in
        as accounted
from {{ ref('int_currency_balances') }}
where
    equity
    <> net_flows + other_cash + carry + realized_pnl + unrealized_pnl
    - commission - fees - brought_in
