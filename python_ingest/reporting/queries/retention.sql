-- What left the database for Parquet.
select
    relation,
    state,
    count(*) as files,
    sum(rows)::bigint as rows,
    sum(bytes)::bigint as bytes,
    min(date) as from_date,
    max(date) as to_date
from cold_files
where state <> 'replaced'
group by relation, state
order by relation, state
