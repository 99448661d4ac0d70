-- One row per exchange, symbol and timeframe that has bars: how many, and what prices and volume are in.
select
    bars.exchange,
    bars.symbol,
    bars.timeframe,
    count(*) as bars,
    epoch(any_value(bars.ends_at - bars.timestamp))::bigint as seconds,
    any_value(terms.quote_currency) as currency,
    any_value(terms.base_currency) as unit,
    max(max(bars.timestamp)) over (partition by bars.exchange, bars.symbol) as newest_at
from ohlcv_bars as bars
left join instrument_terms as terms
    on bars.exchange = terms.exchange and bars.symbol = terms.symbol
group by bars.exchange, bars.symbol, bars.timeframe
order by newest_at desc, bars.exchange, bars.symbol, seconds
