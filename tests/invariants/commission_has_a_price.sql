{{ config(severity='warn') }}

-- Commission in a currency without a price stays open in its own currency.
select
    account_id,
    exchange,
    symbol,
    order_id,
    fill_id,
    commission,
    commission_currency
from {{ ref('int_fill_commissions') }}
where not is_converted
