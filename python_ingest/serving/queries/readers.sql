-- What applications ask most (queries.py).

-- :recent_ticks()
select * from market_ticks
where exchange = ? and symbol = ? and timestamp >= ? and timestamp <= ? and $of_dates
order by $newest_first
limit ?
-- As models have it (macros/engine/trade_order.sql), but for equal ticks, which our own ids divide.
-- :newest_first()
timestamp desc, coalesce(nanoseconds, 0) desc, sequence_number desc nulls first,
    try_cast(trade_id as hugeint) desc nulls first, place desc nulls first, tick_id desc nulls first
-- Only the cold files of these dates are opened.
-- :of_dates()
date between ? and ?

-- :bars()
select * from ohlcv_bars
where exchange = ? and symbol = ? and timeframe = ? and timestamp >= ? and timestamp < ? and $of_dates
order by timestamp

-- :open_positions()
select * from current_positions
where ?::varchar is null or strategy_id = ?
order by exchange, symbol, strategy_id

-- :portfolio_curve()
select * from portfolio_snapshots
where snapshot_type = ? and snapshot_time >= ? and snapshot_time < ?
order by snapshot_time
