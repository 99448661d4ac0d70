{{ config(severity='warn') }}

-- What is computed and has no room in its type is NULL; what it came from, and where.
select
    concat_ws('/', exchange, symbol, strategy_id) as key,
    'positions.realized_pnl, total_cost_basis' as columns,
    coalesce(concat_ws('/', order_id, fill_id), 'split') || ' at ' || event_at as event
from {{ ref('int_position_folds') }}
where cost_basis is null
qualify row_number() over (partition by exchange, symbol, strategy_id order by event_number) = 1

union all

select
    concat_ws('/', exchange, symbol, strategy_id) as key,
    'positions.market_value' as columns,
    min('priced ' || current_price || ' at ' || snapshot_time) as event
from {{ ref('int_position_valuations') }}
where market_value is null and current_price is not null
group by all

union all

select
    concat_ws('/', exchange, symbol, order_id) as key,
    'orders.average_fill_price' as columns,
    'fills from ' || first_filled_at as event
from {{ ref('int_order_fills') }}
where notional_units is null and quantity_units > 0

union all

select
    concat_ws('/', exchange, symbol, strategy_id, trip_number) as key,
    'round_trips.realized_pnl, commission' as columns,
    coalesce(concat_ws('/', order_id, fill_id), '') || ' at ' || event_at as event
from {{ ref('int_fill_commissions') }}
where
    {{ in_money('realized_pnl_delta', 'multiplier') }} is null and realized_pnl_delta is not null
    or commission is null
