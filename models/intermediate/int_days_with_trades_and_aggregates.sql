{{ config(materialized='table') }}

-- Days of a symbol for which both single and aggregate trades landed: only one of them may count.
with

trade_steps as (

    select * from {{ ref('int_minute_bars') }}
    where kind = 'trade'

),

aggregate_steps as (

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
        max(built_batch_id) as built_batch_id
    from aggregate_steps
    group by all

),

final as (

    select
        trade_steps.exchange,
        trade_steps.symbol,
        aggregate_days.date,
        case when any_value(instruments.bar_price) = 'agg' then 'trade' else 'agg' end
            as outranked_kind,
        greatest(max(trade_steps.built_batch_id), any_value(aggregate_days.built_batch_id))
            as built_batch_id
    from trade_steps
    inner join aggregate_days
        on
            trade_steps.exchange = aggregate_days.exchange
            and trade_steps.symbol = aggregate_days.symbol
            and trade_steps.minute::date = aggregate_days.date
    left join instruments
        on
            trade_steps.exchange = instruments.exchange
            and trade_steps.symbol = instruments.symbol
    group by
        trade_steps.exchange,
        trade_steps.symbol,
        aggregate_days.date

)

select * from final
