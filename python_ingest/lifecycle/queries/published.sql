-- What a publication holds.

-- Was it published after the first build?
-- :is_built()
select count(*) = 2 from information_schema.tables
where table_schema = 'main' and table_name in ('landings', 'publication_status')
    and table_catalog = current_database()

-- Another database may have batches of the same numbers.
-- :has_batch()
select count(*) > 0 from landings
where batch_id = $$batch_id and sha256 = $$sha256 and landed_at = $$landed_at

-- Contents that are published, in relations too, and in the backup whose last batch it is. One of
-- several batches is safe when its newest batch is. Where the relation of ticks is held back,
-- `ingest serve` has newer ones from their segments.
-- :safe_contents()
select kind, sha256
from landings
group by all
having max(batch_id) <= $$batch_id and max(landed_at) <= coalesce(
    (select published_at from publication_status where relation = 'market_ticks'), 'infinity'
)
