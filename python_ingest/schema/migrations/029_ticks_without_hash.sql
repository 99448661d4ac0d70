-- A tick's content_hash is computed where it is asked for, which is seldom: ADR 0166.
alter table raw.market_ticks drop column content_hash;
alter table if exists intermediate.int_latest_ticks drop column if exists content_hash;
