{{ config(severity=var('reconciliation_severity')) }}

-- What the newest statement of an account says otherwise than our books.
select
    account_id,
    as_of,
    exchange,
    coalesce(symbol, currency) as item,
    status,
    quantity_difference,
    cost_difference,
    market_value_difference,
    last_agreement_at,
    first_fill_at
from {{ ref('reconciliation') }}
qualify
    status <> 'agrees' and as_of = max(as_of) over (partition by account_id, exchange)
