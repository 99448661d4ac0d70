-- Batches that landed.

-- What a feed says of numbers is about ticks alone.
-- :record_landing(clock, is_ordered)
insert into raw.landings (
    batch_id, kind, file_name, sha256, format, rows_read, rows_landed, rows_duplicate,
    rows_rejected, min_timestamp, max_timestamp, duration_ms, rows_ignored, ignored, feed_version,
    sequence_identifies, trade_id_identifies, landed_at
)
values (
    $$batch_id, $$kind, $$file_name, $$sha256, $$format, $$read, $$landed, $$duplicate,
    $$rejected, $$first, $$last, $$duration_ms, $$ignored, $$others, $$feed_version,
    case when $is_ordered then $$sequence_identifies end,
    case when $is_ordered then $$trade_id_identifies end, $clock
)

-- Those of a content: whether each took rows, and whether it read some and rejected none.
-- :landed_before()
select batch_id, format, feed_version, rows_landed > 0, rows_read > 0 and rows_rejected = 0
from raw.landings where sha256 = ? and kind = ? order by batch_id

-- :reading_of()
select file_name, format, feed_version, trade_id_identifies, sequence_identifies
from raw.landings where batch_id = ?

-- Days of which samples were removed.
-- :removed_days()
select distinct date from raw.removed_rows where relation = ? and date between ? and ?
