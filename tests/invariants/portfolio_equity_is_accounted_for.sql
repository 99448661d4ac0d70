-- In every currency, before any rounding:
-- equity = net flows + other cash events + realised + unrealised - commission - fees.
select
    snapshot_time,
    currency,
    equity,
    net_flows + other_cash + realized_pnl + unrealized_pnl - commission - fees as accounted
from {{ ref('int_currency_balances') }}
where equity <> net_flows + other_cash + realized_pnl + unrealized_pnl - commission - fees
