-- How far TimescaleDB says the same, by relation.
select
    relation,
    verdict,
    count(*) as days,
    sum(hours_not_matching)::bigint as hours_not_matching,
    sum(duckdb_rows)::bigint as duckdb_rows,
    sum(timescale_rows)::bigint as timescale_rows,
    max(date) as newest
from migration_status
group by relation, verdict
order by relation, verdict
