-- No tick was found for them yet: (exchange, symbol, venue, trade_id) must agree.
{{ config(severity='warn') }}
select corrections.*
from {{ ref('stg_tick_corrections') }} as corrections
left join {{ ref('int_disputed_ticks') }} as ticks
    on
        corrections.exchange = ticks.exchange
        and corrections.symbol = ticks.symbol
        and corrections.trade_id = ticks.trade_id
        and corrections.venue is not distinct from ticks.venue
left join {{ ref('stg_tick_corrections') }} as earlier
    on
        corrections.exchange = earlier.exchange
        and corrections.symbol = earlier.symbol
        and corrections.trade_id = earlier.corrected_trade_id
        and corrections.venue is not distinct from earlier.venue
where
    ticks.tick_id is null
    and earlier.batch_id is null
