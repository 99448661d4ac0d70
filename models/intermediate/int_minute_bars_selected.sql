-- The steps that bars are made of: quotes or trades as the instrument says, and of trades and
-- aggregate trades only one kind a day.
with

bar_steps as (

    select * from {{ ref('int_minute_bars') }}

),

day_steps as (

    select * from {{ ref('int_minute_bars_daily') }}

),

mixed_days as (

    select * from {{ ref('int_days_with_trades_and_aggregates') }}

),

quoted_instruments as (

    select * from {{ ref('stg_instruments') }}
    where bar_price in ('bid', 'ask', 'mid')

),

steps as (

    select
        {{ exclude_columns(['newest_at', 'differs_daily', 'has_auction']) }},
        'intraday' as scope
    from bar_steps
    union all
    select
        {{ exclude_columns(['scope']) }},
        scope
    from day_steps

),

final as (

    select steps.*
    from steps
    left join mixed_days
        on
            steps.exchange = mixed_days.exchange
            and steps.symbol = mixed_days.symbol
            and steps.minute::date = mixed_days.date
            and steps.kind = mixed_days.outranked_kind
    left join quoted_instruments
        on
            steps.exchange = quoted_instruments.exchange
            and steps.symbol = quoted_instruments.symbol
    where
        mixed_days.date is null
        and (steps.kind = 'quote') = (quoted_instruments.symbol is not null)

)

select * from final
