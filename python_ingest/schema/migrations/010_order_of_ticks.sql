-- Ticks keep more of what their file says (docs/adr/0166). aggressor_side: who took the liquidity.
-- nanoseconds: what the time has below the microsecond, null where it has nothing. place: the number among
-- the file's rows of one series and clock tick, of ticks that nothing else orders. What landed before has
-- none of them, and so has the order and the content hash that it had.
alter table raw.market_ticks add column if not exists aggressor_side varchar;
alter table raw.market_ticks add column if not exists nanoseconds smallint;
alter table raw.market_ticks add column if not exists place integer;

-- Whether the feed says that these numbers tell its ticks apart; of other kinds null. Null in a batch that
-- landed before: every tick without a trade_id was the same as another of its sequence number and day.
alter table raw.landings add column if not exists sequence_identifies boolean;
alter table raw.landings add column if not exists trade_id_identifies boolean;

-- Whether the two are one trade at two clocks: one time is the other, cut to milliseconds or microseconds.
alter table raw.tick_conflicts add column if not exists is_one_trade boolean;

-- What dbt built goes on. What was disputed before was decided by every number that it has; its
-- untimed_hash stays null: none of these is grouped with another clock's.
alter table if exists intermediate.int_latest_ticks add column if not exists nanoseconds smallint;
alter table if exists intermediate.int_latest_ticks add column if not exists place integer;
alter table if exists intermediate.int_latest_ticks add column if not exists aggressor_side varchar;
alter table if exists intermediate.int_disputed_ticks add column if not exists batch_id bigint;
alter table if exists intermediate.int_disputed_ticks add column if not exists nanoseconds smallint;
alter table if exists intermediate.int_disputed_ticks add column if not exists untimed_hash bigint;
