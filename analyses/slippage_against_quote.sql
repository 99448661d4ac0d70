-- How much worse than the market at order time were our fills?
-- Benchmark: the middle of the newest quote at or before the order was created; where a feed has no
-- quotes, its newest trade; of several at one instant the last in trade order. Positive basis
-- points are a cost, for both sides. One row per fill.
with

ticks as (

    select *
    from {{ ref('market_ticks') }}
    where not is_busted

),

orders as (

    select * from {{ ref('orders') }}

),

trades as (

    select * from {{ ref('trades') }}

),

quotes as (

    select
        exchange,
        symbol,
        timestamp,
        last(
            (bid_price + ask_price) / 2
            order by coalesce(nanoseconds, 0), sequence_number nulls last, place nulls last
        ) as middle
    from ticks
    where kind = 'quote' and bid_price > 0 and ask_price > 0
    group by exchange, symbol, timestamp

),

prints as (

    select
        exchange,
        symbol,
        timestamp,
        last(
            last_price
            order by
                coalesce(nanoseconds, 0),
                sequence_number nulls last,
                try_cast(trade_id as hugeint) nulls last,
                place nulls last
        ) as last_price
    from ticks
    where kind in ('trade', 'agg') and last_price is not null
    group by exchange, symbol, timestamp

),

benchmarks as (

    select
        orders.order_id,
        orders.strategy_id,
        orders.order_type,
        orders.created_at,
        coalesce(quotes.middle, prints.last_price::double) as benchmark,
        case when quotes.middle is null then 'last trade' else 'quote' end as benchmark_kind,
        orders.created_at - coalesce(quotes.timestamp, prints.timestamp) as benchmark_age
    from orders
    asof left join quotes
        on
            orders.exchange = quotes.exchange
            and orders.symbol = quotes.symbol
            and orders.created_at >= quotes.timestamp
    asof left join prints
        on
            orders.exchange = prints.exchange
            and orders.symbol = prints.symbol
            and orders.created_at >= prints.timestamp

),

final as (

    select
        trades.executed_at,
        benchmarks.strategy_id,
        trades.exchange,
        trades.symbol,
        benchmarks.order_type,
        trades.side,
        trades.quantity,
        trades.price,
        benchmarks.benchmark,
        benchmarks.benchmark_kind,
        benchmarks.benchmark_age,
        round(
            (trades.price - benchmarks.benchmark) / nullif(benchmarks.benchmark, 0) * 10000
            * case when trades.side = 'buy' then 1 else -1 end,
            3
        ) as slippage_bps
    from trades
    inner join benchmarks on trades.order_id = benchmarks.order_id

)

select * from final
order by slippage_bps desc nulls last, executed_at asc
