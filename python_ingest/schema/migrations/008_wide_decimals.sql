-- Order flow and money get room: nine decimals, books in KRW or IDR (docs/adr/0165). Ticks stay as they are.
alter table raw.order_events alter quantity type decimal(28, 10);
alter table raw.order_events alter price type decimal(28, 10);
alter table raw.order_events alter stop_price type decimal(28, 10);
alter table raw.order_events alter fill_quantity type decimal(28, 10);
alter table raw.order_events alter fill_price type decimal(28, 10);
alter table raw.order_events alter commission type decimal(28, 10);
alter table raw.order_events alter fees type decimal(28, 10);
alter table raw.cash_events alter amount type decimal(28, 10);

-- Files that were written before: the reader takes types from the first file of a list, so these are read
-- apart and cast.
alter table raw.cold_files add column if not exists is_narrow boolean default false;
update raw.cold_files set is_narrow = true;
