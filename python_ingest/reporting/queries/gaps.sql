-- Numbers that are missing from feeds that number their ticks.
select
    exchange,
    symbol,
    kind,
    missing_count as missing,
    gap_starts_at,
    gap_ends_at
from tick_gaps
order by gap_starts_at desc, exchange, symbol
