select bars.*
from {{ ref('ohlcv_bars') }} as bars
left join {{ ref('int_minute_bars_selected') }} as steps
    on
        bars.exchange = steps.exchange
        and bars.symbol = steps.symbol
        and bars.timestamp = steps.minute
where
    bars.timeframe = '1m'
    and {{ is_unproven('bars.timestamp') }}
    and steps.minute is null
