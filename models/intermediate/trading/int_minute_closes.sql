-- The close of each 1m bar, known from the end of its minute on. Read from the minutes, which never
-- leave the database; bars do.
with

minutes as (

    select * from {{ ref('int_minute_bars_selected') }}
    where scope = 'intraday'

),

final as (

    select
        exchange as price_exchange,
        symbol,
        minute + interval 1 minute as known_at,
        coalesce(close, open) as price
    from minutes
    where open is not null

)

select * from final
