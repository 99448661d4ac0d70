-- depends_on: {{ ref('consistency_differences') }}
-- Every hour and day that an extract covers whole is the same in TimescaleDB and here. What
-- differs, row by row: consistency_differences.
select *
from {{ ref('consistency_buckets') }}
where
    is_closed
    and verdict <> 'match'
