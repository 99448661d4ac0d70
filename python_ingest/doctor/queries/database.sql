-- What doctor asks the database; what we tell of ourselves waits for nothing.

-- :is_data()
not starts_with(file_name, '$service/')
-- :landed()
select coalesce(max(batch_id) filter ($is_data), 0), max(landed_at) from raw.landings
-- :landed_after()
select min(landed_at) from raw.landings where batch_id > ? and $is_data

-- :pending()
select string_agg(chain, ', ' order by chain), min(batch_id)
from state.chains
where batch_id < ?

-- :waiting()
select relation, count(distinct key), min(date), max(date)
from state.waiting_regions
group by relation
order by relation
