with

newest as (

    select * from {{ ref('int_latest_ticks') }}

),

final as (

    select
        exchange,
        symbol,
        max(timestamp) as timestamp,
        arg_max(bid_price, timestamp) filter (where kind = 'quote') as bid_price,
        arg_max(ask_price, timestamp) filter (where kind = 'quote') as ask_price,
        arg_max(bid_size, timestamp) filter (where kind = 'quote') as bid_size,
        arg_max(ask_size, timestamp) filter (where kind = 'quote') as ask_size,
        max(timestamp) filter (where kind = 'quote') as quoted_at,
        arg_max(last_price, (timestamp, kind)) filter (where kind <> 'quote') as last_price,
        arg_max(last_size, (timestamp, kind)) filter (where kind <> 'quote') as last_size,
        max(timestamp) filter (where kind <> 'quote') as traded_at
    from newest
    group by
        exchange,
        symbol

)

select * from final
