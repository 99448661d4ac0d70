-- What an instrument's price was known to be, from when on.
with

bars as (

    select * from {{ ref('ohlcv_bars') }}

),

final as (

    select
        exchange as price_exchange,
        symbol,
        timestamp + interval 1 minute as known_at,
        close as price
    from bars
    where timeframe = '1m'

)

select * from final
