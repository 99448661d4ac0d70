-- The newest bars of a series, oldest first. Times are seconds since 1970.
select *
from (
    select
        epoch(timestamp)::bigint as second,
        open,
        high,
        low,
        close,
        volume,
        vwap
    from ohlcv_bars
    where exchange = $exchange and symbol = $symbol and timeframe = $timeframe
    order by timestamp desc
    limit $shown
)
order by second
