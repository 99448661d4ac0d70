-- depends_on: {{ ref('consistency_differences') }}
-- Every hour and day that an extract covers whole is the same in TimescaleDB and here, but for what
-- TimescaleDB's own retention policy has dropped and what lies in the archive here. The rows that
-- differ: consistency_differences.
select *
from {{ ref('consistency_buckets') }}
where
    is_closed
    and verdict not in ('match', 'retired_in_timescale', 'archived_here')
