-- Where every trade that counts in the volume may also set prices.
with

strict_minutes as (

    select
        exchange,
        symbol,
        date_trunc('minute', timestamp) as minute
    from {{ ref('int_bar_ticks') }}
    where
        sets_volume
        and {{ is_unproven('timestamp') }}
        and {{ is_not_archived('market_ticks', 'timestamp') }}
    group by all
    having bool_and(sets_high_low)

)

select bars.*
from {{ ref('ohlcv_bars') }} as bars
inner join strict_minutes
    on
        bars.exchange = strict_minutes.exchange
        and bars.symbol = strict_minutes.symbol
        and bars.timestamp = strict_minutes.minute
where
    bars.timeframe = '1m'
    and (bars.vwap < bars.low or bars.vwap > bars.high)
