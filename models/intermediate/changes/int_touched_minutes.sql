-- Minutes of which a tick landed, was decided otherwise, or came back from the archive, since all
-- of a chain that reads ticks was built.
with

new_ticks as (

    select * from {{ ref('int_new_ticks') }}

),

amendments as (

    select * from {{ ref('int_tick_amendments') }}

),

all_ticks as (

    select * from {{ landed('ticks') }}

),

restored_days as (

    select * from {{ ref('int_restored_days') }}
    where relation = 'market_ticks'

),

built as (

    select * from {{ ref('stg_chains') }}
    where chain in ('ticks', 'feeds')

),

touched as (

    select
        built.chain,
        new_ticks.exchange,
        new_ticks.symbol,
        new_ticks.kind,
        new_ticks.timestamp
    from new_ticks
    inner join built on new_ticks.batch_id > built.batch_id
    union all
    select
        built.chain,
        amendments.exchange,
        amendments.symbol,
        amendments.kind,
        amendments.timestamp
    from amendments
    inner join built on amendments.built_run > built.run_number
    union all
    select
        restored_days.chain,
        all_ticks.exchange,
        all_ticks.symbol,
        all_ticks.kind,
        all_ticks.timestamp
    from all_ticks
    inner join restored_days on all_ticks.date = restored_days.date
    -- so that files of other days are not opened
    where all_ticks.date in (select days.date from restored_days as days)

),

final as (

    select distinct
        chain,
        exchange,
        symbol,
        kind,
        {{ minute_of('timestamp') }} as minute
    from touched

)

select * from final
