{{ config(materialized='table') }}

-- How far each exchange's ticks reach: those that could enter a bar, were not dated after their
-- ingestion (5 s are granted), busted and superseded ones too, so that what was complete stays
-- complete.
with

steps as (

    select * from {{ ref('int_minute_bars') }}

),

quoted_instruments as (

    select * from {{ ref('stg_instruments') }}
    where bar_price in ('bid', 'ask', 'mid')

),

final as (

    select
        steps.exchange,
        max(steps.newest_at) as newest_at
    from steps
    left join quoted_instruments
        on
            steps.exchange = quoted_instruments.exchange
            and steps.symbol = quoted_instruments.symbol
    where (steps.kind = 'quote') = (quoted_instruments.symbol is not null)
    group by steps.exchange

)

select * from final
