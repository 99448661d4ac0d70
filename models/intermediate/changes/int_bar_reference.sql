-- The seeds that minutes, bars and runs of numbers are made with, each as one sum.
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

tape_conditions as (

    select * from conditions
    where feed in ('CTA', 'UTP') and not starts_with(code, '0x')

),

-- Noted apart: a former version knew none, and an upgrade changes nothing of the tapes'.
other_conditions as (

    select * from conditions
    where feed not in ('CTA', 'UTP') or starts_with(code, '0x')

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

    select {{ exclude_columns(['contiguous_kinds', 'starts_evening_before']) }}
    from exchanges

),

kinds as (

    select
        exchange,
        {{ each_of('contiguous_kinds') }} as kind
    from exchanges

),

numbered_kinds as (

    select * from kinds
    where kind <> ''

),

final as (

    select
        'ticks' as chain,
        'trade_conditions' as kind,
        {{ content_checksum('tape_conditions') }} as content
    from tape_conditions
    union all
    select
        'ticks' as chain,
        'trade_conditions of venues' as kind,
        {{ content_checksum('other_conditions') }} as content
    from other_conditions
    union all
    select
        unnest(['ticks', 'bars']) as chain,
        'instruments' as kind,
        {{ content_checksum('bar_prices') }} as content
    from bar_prices
    union all
    select
        'bars' as chain,
        'exchanges' as kind,
        {{ content_checksum('bar_days') }} as content
    from bar_days
    union all
    select
        'feeds' as chain,
        'exchanges' as kind,
        {{ content_checksum('numbered_kinds') }} as content
    from numbered_kinds
    union all
    select
        'bars' as chain,
        'exchange_calendar' as kind,
        {{ content_checksum('calendar') }} as content
    from calendar
    union all
    select
        'bars' as chain,
        'timeframes' as kind,
        {{ content_checksum('timeframes') }} as content
    from timeframes

)

select * from final
