-- Days of a symbol for which both single and aggregate trades landed: only one of them may count.
with

steps as (

    select * from {{ ref('int_bar_steps') }}

),

instruments as (

    select * from {{ ref('stg_instruments') }}

),

aggregate_days as (

    select distinct
        exchange,
        symbol,
        minute::date as date
    from steps
    where kind = 'agg'

),

final as (

    select distinct
        steps.exchange,
        steps.symbol,
        aggregate_days.date,
        case when instruments.bar_price = 'agg' then 'trade' else 'agg' end as outranked_kind
    from steps
    inner join aggregate_days
        on
            steps.exchange = aggregate_days.exchange
            and steps.symbol = aggregate_days.symbol
            and steps.minute::date = aggregate_days.date
    left join instruments
        on
            steps.exchange = instruments.exchange
            and steps.symbol = instruments.symbol
    where steps.kind = 'trade'

)

select * from final
