-- The events of TimescaleDB's orders, which are the last states, and of their trades.
-- :order_events()
with

changed as (

    select
        order_id::varchar as order_id,
        coalesce(client_order_id, order_id::varchar) as client_order_id,
        exchange,
        symbol,
        side,
        coalesce(order_type, 'unknown') as order_type,
        quantity,
        strategy_id,
        time_in_force,
        price,
        stop_price,
        correlation_id,
        parent_order_id::varchar as parent_order_id,
        extended_hours,
        metadata,
        'backfill' as source,
        status,
        status_message as told,
        created_at,
        submitted_at,
        updated_at,
        status in ('cancelled', 'rejected') as is_ended
    from orders

),

states as (

    select
        'created' as event_type,
        created_at as event_time,
        if(is_ended, null, told) as status_message,
        *
    from changed
    union all by name
    select 'submitted' as event_type, submitted_at as event_time, *
    from changed
    where submitted_at is not null
    union all by name
    select
        case
            when status = 'rejected' then 'rejected'
            when told = 'expired' then 'expired'
            else 'cancelled'
        end as event_type,
        coalesce(updated_at, submitted_at, created_at) as event_time,
        told as status_message,
        *
    from changed
    where is_ended
    union all by name
    -- what changed it last is not told: a replacement is what says nothing else
    select if(submitted_at is null, 'created', 'replaced') as event_type, updated_at as event_time, *
    from changed
    where
        not is_ended
        and updated_at is not null
        and updated_at is distinct from submitted_at
        and updated_at <> created_at
        and updated_at not in (
            select executed_at from trades where trades.order_id::varchar = changed.order_id
        )

),

fills as (

    select
        'fill' as event_type,
        trades.executed_at as event_time,
        trades.order_id::varchar as order_id,
        coalesce(orders.client_order_id, trades.order_id::varchar) as client_order_id,
        trades.exchange,
        trades.symbol,
        trades.side,
        coalesce(orders.order_type, 'unknown') as order_type,
        coalesce(orders.quantity, trades.quantity) as quantity,
        orders.strategy_id,
        trades.trade_id::varchar as trade_id,
        trades.exchange_trade_id,
        trades.quantity as fill_quantity,
        trades.price as fill_price,
        trades.commission,
        orders.commission_currency,
        trades.fees,
        coalesce(trades.correlation_id, orders.correlation_id) as correlation_id,
        'backfill' as source
    from trades
    left join orders using (order_id)

)

select
    concat_ws('/', 'timescale', event_type, order_id, epoch_us(event_time)) as event_id,
    * exclude (status, told, created_at, submitted_at, updated_at, is_ended)
from states
union all by name
select
    concat_ws('/', 'timescale', 'fill', trade_id) as event_id,
    *
from fills
order by order_id, event_time, event_id
