{{ config(materialized='table') }}

-- Days of a symbol for which both single and aggregate trades landed: only one of them may count.
with

trade_minutes as (

    select * from {{ ref('int_minute_bars') }}
    where kind = 'trade'

),

aggregate_minutes as (

    select * from {{ ref('int_minute_bars') }}
    where kind = 'agg'

),

instruments as (

    select * from {{ ref('stg_instruments') }}

),

aggregate_days as (

    select
        exchange,
        symbol,
        minute::date as date,
        max(built_run) as built_run
    from aggregate_minutes
    group by all

),

final as (

    select
        trade_minutes.exchange,
        trade_minutes.symbol,
        aggregate_days.date,
        case when any_value(instruments.bar_price) = 'agg' then 'trade' else 'agg' end
            as outranked_kind,
        greatest(max(trade_minutes.built_run), any_value(aggregate_days.built_run))
            as built_run
    from trade_minutes
    inner join aggregate_days
        on
            trade_minutes.exchange = aggregate_days.exchange
            and trade_minutes.symbol = aggregate_days.symbol
            and trade_minutes.minute::date = aggregate_days.date
    left join instruments
        on
            trade_minutes.exchange = instruments.exchange
            and trade_minutes.symbol = instruments.symbol
    group by
        trade_minutes.exchange,
        trade_minutes.symbol,
        aggregate_days.date

)

select * from final
