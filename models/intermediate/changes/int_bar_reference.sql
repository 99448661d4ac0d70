-- The seeds that minutes and bars are made with, each as one sum.
with

exchanges as (

    select * from {{ ref('stg_exchanges') }}

),

instruments as (

    select * from {{ ref('stg_instruments') }}

),

calendar as (

    select * from {{ ref('stg_exchange_calendar') }}

),

timeframes as (

    select * from {{ ref('stg_timeframes') }}

),

conditions as (

    select * from {{ ref('stg_trade_conditions') }}

),

bar_prices as (

    select
        exchange,
        symbol,
        bar_price
    from instruments
    where bar_price <> 'trade'

),

bar_days as (

    select {{ exclude_columns(['contiguous_kinds']) }}
    from exchanges

),

final as (

    select
        'ticks' as chain,
        'trade_conditions' as kind,
        md5(coalesce(string_agg(conditions::varchar, '|' order by conditions::varchar), '')) as content
    from conditions
    union all
    select
        unnest(['ticks', 'bars']) as chain,
        'instruments' as kind,
        md5(coalesce(string_agg(bar_prices::varchar, '|' order by bar_prices::varchar), '')) as content
    from bar_prices
    union all
    select
        'bars' as chain,
        'exchanges' as kind,
        md5(coalesce(string_agg(bar_days::varchar, '|' order by bar_days::varchar), '')) as content
    from bar_days
    union all
    select
        'bars' as chain,
        'exchange_calendar' as kind,
        md5(coalesce(string_agg(calendar::varchar, '|' order by calendar::varchar), '')) as content
    from calendar
    union all
    select
        'bars' as chain,
        'timeframes' as kind,
        md5(coalesce(string_agg(timeframes::varchar, '|' order by timeframes::varchar), '')) as content
    from timeframes

)

select * from final
