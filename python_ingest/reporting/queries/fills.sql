-- The fills of those bars by bar and side: how many, how much, at which mean price. One between two
-- bars counts with the one before. A marker needs no digit of a mean that a DOUBLE lacks.
with

bars as (

    select timestamp
    from ohlcv_bars
    where exchange = $exchange and symbol = $symbol and timeframe = $timeframe
    order by timestamp desc
    limit $shown

),

fills as (

    select *
    from trades
    where
        exchange = $exchange
        and symbol = $symbol
        and executed_at >= (select min(timestamp) from bars)
        and date >= (select min(timestamp)::date from bars)

)

select
    epoch(bars.timestamp)::bigint as second,
    fills.side,
    count(*) as fills,
    sum(fills.quantity) as quantity,
    sum(fills.quantity::double * fills.price::double) / sum(fills.quantity::double) as price
from fills
asof join bars on fills.executed_at >= bars.timestamp
group by bars.timestamp, fills.side
order by second, fills.side
