-- rows_read = rows_landed + rows_duplicate + rows_rejected counts rows of the landed kind. Besides them a
-- file holds messages of other kinds: rows_ignored of them, by kind in `ignored` (a JSON object). What
-- was landed before did not keep the number. feed_version: which reading of the format gave the rows.
alter table raw.landings add column if not exists rows_ignored bigint;
alter table raw.landings add column if not exists ignored json;
alter table raw.landings add column if not exists feed_version integer;

-- The line of the file, from 1 and with its header; null where a file has no lines. row_number counts rows.
alter table raw.rejected_rows add column if not exists line_number bigint;
