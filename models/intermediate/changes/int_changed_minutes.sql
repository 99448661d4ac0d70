-- Minutes that changed since all of a chain that reads minutes was built. Where trades came to a
-- day of aggregate trades, or the other way round, all minutes of the day count differently.
with

minute_bars as (

    select * from {{ ref('int_minute_bars') }}

),

minute_bars_daily as (

    select * from {{ ref('int_minute_bars_daily') }}

),

vanished_rows as (

    select * from {{ ref('stg_vanished_rows') }}
    where relation in ('int_minute_bars', 'int_minute_bars_daily')

),

mixed_days as (

    select * from {{ ref('int_days_with_trades_and_aggregates') }}

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain in ('bars', 'trading')

),

changed as (

    select
        exchange,
        symbol,
        minute,
        built_run
    from minute_bars
    where built_run > (select min(built.run_number) from built)
    union
    select
        exchange,
        symbol,
        minute,
        built_run
    from minute_bars_daily
    where built_run > (select min(built.run_number) from built)
    union
    select
        exchange,
        symbol,
        vanished_at as minute,
        run_number as built_run
    from vanished_rows
    union
    select
        minute_bars.exchange,
        minute_bars.symbol,
        minute_bars.minute,
        mixed_days.built_run
    from minute_bars
    inner join mixed_days
        on
            minute_bars.exchange = mixed_days.exchange
            and minute_bars.symbol = mixed_days.symbol
            and minute_bars.minute::date = mixed_days.date
    where mixed_days.built_run > (select min(built.run_number) from built)

),

final as (

    select distinct
        built.chain,
        changed.exchange,
        changed.symbol,
        changed.minute
    from changed
    inner join built on changed.built_run > built.run_number

)

select * from final
