-- An inverse contract (margined and settled in its base currency) is refused until it is supported.
select
    exchange,
    symbol,
    base_currency,
    quote_currency
from {{ ref('stg_instruments') }}
where margined and base_currency = quote_currency
