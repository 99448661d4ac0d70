-- No tick was found for them yet: (exchange, symbol, venue, trade_id) must agree, and the tick must
-- not be younger. What waits for an archived day is in int_waiting_corrections.
{{ config(severity='warn') }}
select corrections.*
from {{ ref('stg_tick_corrections') }} as corrections
anti join {{ ref('int_correction_matches') }} as matches
    on
        corrections.batch_id = matches.batch_id
        and corrections.row_number = matches.row_number
anti join {{ ref('int_waiting_corrections') }} as waiting
    on
        corrections.batch_id = waiting.batch_id
        and corrections.row_number = waiting.row_number
