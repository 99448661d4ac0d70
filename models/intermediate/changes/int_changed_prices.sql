{{ config(materialized='table', meta={'chain': 'trading'}) }}

-- Instruments whose 1m closes changed since all of the chain was built, and from when on.
with

bars as (

    select * from {{ ref('ohlcv_bars_warm') }}
    where timeframe = '1m'

),

vanished_rows as (

    select * from {{ ref('stg_vanished_rows') }}
    where relation = 'ohlcv_bars_warm'

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain = 'trading'

),

minutes as (

    select
        exchange,
        symbol,
        timestamp as minute
    from bars
    where built_run > (select built.run_number from built)
    union all
    select
        exchange,
        symbol,
        vanished_at as minute
    from vanished_rows
    where run_number > (select built.run_number from built)

),

final as (

    select
        exchange as price_exchange,
        symbol,
        min(minute) + interval 1 minute as restart_at
    from minutes
    group by exchange, symbol

)

select * from final
