with

newest as (

    select * from {{ ref('int_latest_ticks') }}

),

quotes as (

    select * from newest
    where kind = 'quote'

),

-- At one time a trade counts before an aggregate trade.
trades as (

    select * from newest
    where kind <> 'quote'
    qualify
        row_number() over (
            partition by exchange, symbol
            order by timestamp desc, kind desc
        ) = 1

),

symbols as (

    select
        exchange,
        symbol,
        max(timestamp) as timestamp
    from newest
    group by
        exchange,
        symbol

),

final as (

    select
        symbols.exchange,
        symbols.symbol,
        symbols.timestamp,
        quotes.bid_price,
        quotes.ask_price,
        quotes.bid_size,
        quotes.ask_size,
        quotes.timestamp as quoted_at,
        trades.last_price,
        trades.last_size,
        trades.timestamp as traded_at
    from symbols
    left join quotes
        on
            symbols.exchange = quotes.exchange
            and symbols.symbol = quotes.symbol
    left join trades
        on
            symbols.exchange = trades.exchange
            and symbols.symbol = trades.symbol

)

select * from final
