-- Ticks that a websocket sent first and REST or a backfill sent again with the same content: the copy
-- is not kept, but the tick counts as theirs where two of one key disagree. One row per tick.
create table raw.tick_confirmations (
    batch_id bigint not null,
    tick_id bigint not null,
    source varchar not null
);
