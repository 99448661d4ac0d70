-- Which orders and trades were landed here, not migrated (backfill.py).

-- :own_events()
select * from raw.order_events where event_id not like 'timescale/%'

-- Their ids, as a build made them.
-- :own_ids()
select order_id::varchar as id from main.orders
where source_order_id in (
    select order_id from ($own_events) where event_type in ('created', 'submitted')
)
union all
select trade_id::varchar as id from main.trades
where
    source_trade_id is null
    or source_trade_id in (select trade_id from ($own_events))

-- Events of none of these orders and trades.
-- :unknown_events(events, known)
select * from read_parquet($events)
where coalesce(trade_id, order_id) not in (select id from read_parquet($known))
