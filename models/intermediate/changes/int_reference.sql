-- What is computed with besides what landed, by chain. A chain remembers it when it is complete; a
-- difference since then is pending work (trading), or needs a full refresh (ticks, bars).
with

exchanges as (

    select * from {{ ref('stg_exchanges') }}

),

instruments as (

    select * from {{ ref('stg_instruments') }}

),

margin_rates as (

    select * from {{ ref('stg_margin_rates') }}

),

pairs as (

    select * from {{ ref('int_currency_pairs') }}

),

pegs as (

    select * from {{ ref('stg_currency_pegs') }}

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

bar_seeds as (

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

),

final as (

    select
        chain,
        kind,
        '' as exchange,
        '' as symbol,
        content
    from bar_seeds
    union all
    select
        'trading' as chain,
        'instrument' as kind,
        instruments.exchange,
        instruments.symbol,
        concat_ws(
            '|',
            coalesce(instruments.asset_class, ''),
            coalesce(instruments.base_currency, ''),
            instruments.quote_currency,
            instruments.multiplier,
            instruments.margined,
            instruments.price_exchange,
            margin_rates.margin_rate
        ) as content
    from instruments
    left join margin_rates on instruments.asset_class = margin_rates.asset_class
    union all
    -- When its days begin is when its splits take effect.
    select
        'trading' as chain,
        'exchange' as kind,
        exchange,
        '' as symbol,
        concat_ws('|', timezone, day_start) as content
    from exchanges
    union all
    select
        'trading' as chain,
        'pair' as kind,
        price_exchange as exchange,
        symbol,
        concat_ws('|', base_currency, quote_currency) as content
    from pairs
    union all
    select
        'trading' as chain,
        'settings' as kind,
        '' as exchange,
        '' as symbol,
        concat_ws(
            '|',
            '{{ var("base_currency") }}',
            '{{ var("position_mark_interval") }}',
            '{{ var("portfolio_eod_time") }}',
            '{{ var("portfolio_timezone") }}',
            string_agg(pegs.currency || '=' || pegs.pegged_to, ',' order by pegs.currency)
        ) as content
    from pegs

)

select * from final
