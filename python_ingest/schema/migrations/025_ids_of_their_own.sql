-- Fills and orders that share an id have one of their own each, and a bust means its own order (docs/adr/0166).
-- Where ids are shared, the next build restates trading, as after a changed setting.
delete from state.reference_as_built
where
    chain = 'trading' and kind = 'settings'
    and (
        exists (
            select 1 from raw.order_events
            where event_type in ('partial_fill', 'fill', 'transfer_in', 'transfer_out')
            group by account_id, exchange, symbol, coalesce(trade_id, exchange_trade_id, event_id)
            having count(distinct (order_id, coalesce(exchange_trade_id, trade_id, event_id))) > 1
        )
        or exists (
            select 1 from raw.order_events
            where try_cast(trade_id as uuid) is not null
            group by try_cast(trade_id as uuid)
            having count(distinct (account_id, exchange, symbol)) > 1
        )
        or exists (
            select 1 from raw.order_events
            where try_cast(order_id as uuid) is not null
            group by try_cast(order_id as uuid)
            having count(distinct (account_id, exchange, symbol)) > 1
        )
    );
