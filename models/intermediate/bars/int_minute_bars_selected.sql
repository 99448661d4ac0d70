-- The minutes that bars are made of: quotes or trades as the instrument says, and of trades and
-- aggregate trades only one kind a day.
with

minute_bars as (

    select * from {{ ref('int_minute_bars') }}

),

minute_bars_daily as (

    select * from {{ ref('int_minute_bars_daily') }}

),

mixed_days as (

    select * from {{ ref('int_days_with_trades_and_aggregates') }}

),

quoted_instruments as (

    select * from {{ ref('int_quoted_instruments') }}

),

minutes as (

    select
        {{ exclude_columns(['newest_at', 'differs_daily', 'has_auction']) }},
        'intraday' as scope
    from minute_bars
    union all
    select
        {{ exclude_columns(['scope']) }},
        scope
    from minute_bars_daily

),

final as (

    select minutes.*
    from minutes
    left join mixed_days
        on
            minutes.exchange = mixed_days.exchange
            and minutes.symbol = mixed_days.symbol
            and minutes.minute::date = mixed_days.date
            and minutes.kind = mixed_days.outranked_kind
    left join quoted_instruments
        on
            minutes.exchange = quoted_instruments.exchange
            and minutes.symbol = quoted_instruments.symbol
    where
        mixed_days.date is null
        and (minutes.kind = 'quote') = (quoted_instruments.symbol is not null)

)

select * from final
