-- What landed of each kind, and how new it is.
select
    kind,
    count(*) as batches,
    sum(rows_landed)::bigint as landed,
    sum(rows_duplicate)::bigint as duplicate,
    sum(rows_rejected)::bigint as rejected,
    max(max_timestamp) as newest_row,
    max(landed_at) as last_landed
from landings
group by kind
order by last_landed desc, kind
