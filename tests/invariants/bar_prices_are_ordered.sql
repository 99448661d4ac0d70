-- low <= open, close <= high.
select *
from {{ ref('ohlcv_bars') }}
where
    (low > least(open, close) or high < greatest(open, close))
    and {{ is_unproven('timestamp') }}
