-- A relation may gain a column: views give null for it where a file was written before. Null: written
-- before this was kept; looked up in the file when its view is made next.
alter table raw.cold_files add column if not exists columns varchar[];
