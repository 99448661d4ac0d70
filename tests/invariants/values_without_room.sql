{{ config(severity='warn') }}

-- What is computed and has no room in its type is NULL; what it came from, and where.
select
    concat_ws('/', account_id, exchange, symbol, strategy_id, {{ hedged_side() }}) as key,
    if(quantity is null, 'positions.quantity', 'positions.realized_pnl, total_cost_basis')
        as columns,
    coalesce(
        action, if(is_split, 'split', concat_ws('/', order_id, fill_id))
    ) || ' at ' || event_at as event
from {{ ref('int_position_folds') }}
where quantity is null or cost_basis is null
qualify
    row_number() over (
        partition by account_id, exchange, symbol, strategy_id, position_side order by event_number
    ) = 1

union all

select
    concat_ws('/', account_id, exchange, symbol, strategy_id, {{ hedged_side() }}) as key,
    if(
        quantity is null,
        'lots.remaining_quantity',
        'lots.remaining_cost, lot_closures.realized_pnl'
    ) as columns,
    'event ' || event_number || ' at ' || event_at as event
from {{ ref('int_lot_changes') }}
where quantity is null or position_cost is null
qualify
    row_number() over (
        partition by account_id, exchange, symbol, strategy_id, position_side
        order by event_number, part
    ) = 1

union all

select
    concat_ws('/', account_id, exchange, symbol, strategy_id, {{ hedged_side() }}) as key,
    'positions.market_value' as columns,
    min('priced ' || current_price || ' at ' || snapshot_time) as event
from {{ ref('int_position_valuations') }}
where market_value is null and current_price is not null and quantity is not null
group by all

union all

select
    concat_ws('/', account_id, exchange, symbol, order_id) as key,
    'orders.average_fill_price' as columns,
    'fills from ' || first_filled_at as event
from {{ ref('int_order_fills') }}
where notional_units is null and quantity_units > 0

union all

select
    concat_ws('/', account_id, exchange, symbol, strategy_id, {{ hedged_side() }}, trip_number)
        as key,
    'round_trips.realized_pnl, commission' as columns,
    concat_ws('/', order_id, fill_id) || ' at ' || event_at as event
from {{ ref('int_fill_commissions') }}
where
    {{ in_money('realized_pnl_delta', 'multiplier') }} is null and realized_pnl_delta is not null
    or commission is null
