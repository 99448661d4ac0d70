{{ config(materialized='table') }}

-- Days of a symbol for which both single and aggregate trades landed: only one of them may count.
-- Where all of one kind are busted, superseded or without a price, the other one does. Such a day
-- has a row too, so that its minutes are noticed when that changes.
with

minute_bars as (

    select * from {{ ref('int_minute_bars') }}
    where kind <> 'quote'

),

minute_bars_daily as (

    select * from {{ ref('int_minute_bars_daily') }}
    where kind <> 'quote'

),

instruments as (

    select * from {{ ref('stg_instruments') }}

),

minutes as (

    select
        exchange,
        symbol,
        kind,
        minute,
        open is not null or trade_count > 0 as counts,
        built_run
    from minute_bars
    union all
    select
        exchange,
        symbol,
        kind,
        minute,
        open is not null or trade_count > 0 as counts,
        built_run
    from minute_bars_daily

),

days as (

    select
        exchange,
        symbol,
        minute::date as date,
        max(case when kind = 'trade' then counts::int end) as trades_count,
        max(case when kind = 'agg' then counts::int end) as aggregates_count,
        max(built_run) as built_run
    from minutes
    group by
        exchange,
        symbol,
        minute::date

),

final as (

    select
        days.exchange,
        days.symbol,
        days.date,
        case
            when days.trades_count + days.aggregates_count < 2 then null
            when instruments.bar_price = 'agg' then 'trade'
            else 'agg'
        end as outranked_kind,
        days.built_run
    from days
    left join instruments
        on
            days.exchange = instruments.exchange
            and days.symbol = instruments.symbol
    where days.trades_count + days.aggregates_count is not null

)

select * from final
