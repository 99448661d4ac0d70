-- Whether the exchange called the order filled (docs/adr/0030). NULL for orders that were built before: the
-- next event of an order, or a full refresh, says it.
alter table if exists intermediate.int_order_fills add column if not exists is_called_filled boolean;
