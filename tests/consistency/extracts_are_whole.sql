-- No row of TimescaleDB was refused by the extraction (NaN, infinity, too many digits), and no
-- range changed while it was read. Mend the rows there and extract again.
select *
from {{ ref('stg_timescale_ranges') }}
where
    rejected > 0
    or is_changing
