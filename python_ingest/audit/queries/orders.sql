-- One row per (exchange, symbol, event type): the order events of batches after $after.
select
    exchange || ' ' || symbol || ' ' || event_type as subject,
    count(*) as events,
    count(distinct order_id) as orders,
    -- Two sources may tell one event otherwise, or alike; the models choose.
    count(*) - count(distinct (
        account_id, event_id, content_hash, source, cumulative_quantity, correlation_id is null
    )) as landed_twice,
    count_if(
        event_type in ('fill', 'partial_fill')
        and (fill_quantity is null or fill_price is null or fill_quantity <= 0)
    ) as incomplete_fills,
    count_if(coalesce(quantity > 0 and fill_quantity > quantity, false)) as overfills,
    count_if(strategy_id is null) / count(*) as no_strategy_share,
    min(event_time) as first_at,
    max(event_time) as last_at
from raw.order_events
where batch_id > $after
group by all
order by subject
