-- One row per (exchange, symbol, kind): the ticks of batches after $after. Gaps are searched between minutes
-- that had a tick: exact for gaps of a minute and more, and far cheaper than a window over every tick.
with

-- Each reader takes a few of its columns: all of them would be twice the memory.
ticks as not materialized (

    select
        *,
        exchange || ' ' || symbol || ' ' || kind as subject,
        coalesce(last_price, bid_price, ask_price) as price,
        case when kind = 'quote' then coalesce(bid_size, ask_size) else last_size end as size,
        hash(
            exchange, symbol, timestamp, nanoseconds, kind, venue, bid_price, ask_price, bid_size, ask_size,
            last_price, last_size, volume, sequence_number, trade_id, conditions, tape
        ) as content
    from landed_market_ticks
    where batch_id > $after

),

minutes as (

    select
        exchange,
        symbol,
        kind,
        epoch_us(timestamp) // 60000000 as minute,
        count(*) as ticks,
        count_if(price is null) as unpriced,
        count_if(price <= 0) as not_positive,
        count_if(size is null) as unsized,
        count_if(size = 0) as zero_sizes,
        count_if(coalesce(bid_price > ask_price, false)) as crossed,
        count_if(timestamp > ingestion_time + interval 5 second) as from_the_future,
        min(price) as min_price,
        max(price) as max_price,
        min(timestamp) as first_at,
        max(timestamp) as last_at
    from ticks
    group by all

),

gaps as (

    select
        * exclude (exchange, symbol, kind),
        exchange || ' ' || symbol || ' ' || kind as subject,
        first_at - lag(last_at) over (
            partition by exchange, symbol, kind order by minute
        ) as gap
    from minutes

),

figures as (

    select
        subject,
        sum(ticks)::bigint as ticks,
        sum(unpriced)::bigint as unpriced,
        sum(not_positive) / sum(ticks) as not_positive_share,
        sum(unsized)::bigint as unsized,
        sum(zero_sizes) / sum(ticks) as zero_size_share,
        sum(crossed) / sum(ticks) as crossed_share,
        sum(from_the_future)::bigint as from_the_future,
        min(min_price)::double as min_price,
        max(max_price)::double as max_price,
        coalesce(max(max_price)::double / nullif(min(min_price)::double, 0), 1) as price_range,
        min(first_at) as first_at,
        max(last_at) as last_at,
        coalesce(epoch(max(gap)), 0) as largest_gap_seconds
    from gaps
    group by all

),

repeated as (

    select content, occurrence, count(*) - 1 as copies
    from ticks
    group by all
    having count(*) > 1

),

landed_twice as (

    select subject, sum(copies)::bigint as landed_twice
    from (select distinct subject, repeated.* from ticks inner join repeated using (content, occurrence))
    group by all

),

-- Ticks of one key with different content; the ticks may be of batches before.
conflicts as (

    select ticks.exchange || ' ' || ticks.symbol || ' ' || ticks.kind as subject, count(*) as conflicts
    from raw.tick_conflicts
    inner join landed_market_ticks as ticks using (tick_id)
    where tick_conflicts.batch_id > $after and not coalesce(is_one_trade, false)
    group by all

)

select
    figures.*,
    coalesce(landed_twice.landed_twice, 0) as landed_twice,
    coalesce(conflicts.conflicts, 0) as conflicts
from figures
left join landed_twice using (subject)
left join conflicts using (subject)
order by subject
