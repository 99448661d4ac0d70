{{ config(severity='warn') }}

-- Traded instruments that the seed `instruments` does not list, and what was assumed of them. A
-- contract that counts more than one unit, or in another currency, has a wrong P&L until then.
select
    exchange,
    symbol,
    asset_class,
    settle_currency,
    multiplier
from {{ ref('int_traded_instruments') }}
where not is_listed
