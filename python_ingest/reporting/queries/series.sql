-- One row per exchange and symbol that has bars, the newest first: what its prices and its volume are in, and
-- (name, seconds, how many bars are shown) of each of its timeframes.
with

timeframes as (

    select
        exchange,
        symbol,
        timeframe,
        epoch(any_value(ends_at - timestamp))::bigint as seconds,
        least(count(*), $shown)::bigint as shown,
        max(timestamp) as newest_at
    from ohlcv_bars
    group by exchange, symbol, timeframe

)

select
    timeframes.exchange,
    timeframes.symbol,
    coalesce(any_value(terms.quote_currency), '') as currency,
    coalesce(any_value(terms.base_currency), '') as unit,
    list(row(timeframe, seconds, shown) order by seconds) as timeframes
from timeframes
left join instrument_terms as terms
    on timeframes.exchange = terms.exchange and timeframes.symbol = terms.symbol
group by timeframes.exchange, timeframes.symbol
order by max(newest_at) desc, timeframes.exchange, timeframes.symbol
