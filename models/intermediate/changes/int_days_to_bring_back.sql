-- Days of the archive that something waits for. Of a correction nobody knows which day has its
-- tick: it is one on which the symbol was traded.
with

waiting_regions as (

    select * from {{ ref('stg_waiting_regions') }}

),

waiting_corrections as (

    select * from {{ ref('int_waiting_corrections') }}

),

minute_bars as (

    select * from {{ ref('int_minute_bars') }}
    where kind = 'trade'

),

archived_days as (

    select * from {{ ref('int_archived_days') }}

),

waiting_symbols as (

    select
        exchange,
        symbol,
        max(matched_date) as matched_date,
        max(corrected_at::date) as corrected_date,
        max(landed_at) as landed_at
    from waiting_corrections
    group by all

),

days_of_corrections as (

    select distinct
        archived_days.relation,
        archived_days.date,
        concat_ws(' ', 'corrections of', minute_bars.exchange, minute_bars.symbol) as key
    from minute_bars
    inner join waiting_symbols
        on
            minute_bars.exchange = waiting_symbols.exchange
            and minute_bars.symbol = waiting_symbols.symbol
            and minute_bars.minute::date <= waiting_symbols.corrected_date
            and minute_bars.minute::date > waiting_symbols.matched_date
    inner join archived_days
        on
            minute_bars.minute::date = archived_days.date
            and waiting_symbols.landed_at >= archived_days.archived_at
    where archived_days.relation = 'market_ticks'

),

waiting as (

    select
        relation,
        date,
        key
    from waiting_regions
    union
    select * from days_of_corrections

),

final as (

    select
        relation,
        date,
        string_agg(key, ', ' order by key) as keys
    from waiting
    group by
        relation,
        date

)

select * from final
