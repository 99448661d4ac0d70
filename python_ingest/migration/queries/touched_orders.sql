-- Orders that batches after $seen up to $built may have changed. A correction names the trade and
-- need not name the order; a fill renames another of its trade id (docs/adr/0166). Orders without
-- a 'created' event here belong to TimescaleDB until they are migrated. TimescaleDB knows no
-- accounts, and holds the one that it began with (docs/adr/0072).
-- :touched_orders(seen, built, format)
with events as (
    select * from staging.stg_order_events where account_id = 'main'
),
versions as (
    select * from events
    where (exchange, event_id) in (
        select (events.exchange, events.event_id) from events
        inner join raw.landings as landings using (batch_id)
        where batch_id > $seen and batch_id <= $built and landings.format <> $format
    )
),
touched as (
    select exchange, symbol, order_id from versions
    union
    select fills.exchange, fills.symbol, fills.order_id
    from versions
    inner join events as fills using (exchange, symbol, trade_id)
    where fills.is_fill
)
select * from touched
where (exchange, symbol, order_id) in (
    select (exchange, symbol, order_id) from events where event_type = 'created'
)
