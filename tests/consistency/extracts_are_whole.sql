-- No row of TimescaleDB was refused by the extraction (NaN, infinity, too many digits), no range
-- changed while it was read, and none that was read before is gone there without a retention policy
-- that dropped it. Mend the rows there and extract again.
select *
from {{ ref('stg_timescale_ranges') }}
where
    rejected > 0
    or is_changing
    or is_lost
