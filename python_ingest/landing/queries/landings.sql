-- Batches that landed before.

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
