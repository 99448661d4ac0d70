-- Ticks that landed since one of the chains that read them was built whole. Those that left for
-- Parquet before that are found in the files that hold such batches.
with

warm_ticks as (

    select * from {{ landed('new_ticks') }}

),

all_ticks as (

    select * from {{ landed('ticks') }}

),

cold_files as (

    select * from {{ ref('stg_cold_files') }}
    where relation = 'market_ticks'

),

built as (

    select min(batch_id) as batch_id
    from {{ ref('stg_chains') }}
    where chain in ('ticks', 'feeds')

),

warm as (

    select
        tick_id,
        batch_id,
        exchange,
        symbol,
        kind,
        venue,
        timestamp,
        trade_id
    from warm_ticks
    where batch_id > (select built.batch_id from built)

),

moved as (

    select
        tick_id,
        batch_id,
        exchange,
        symbol,
        kind,
        venue,
        timestamp,
        trade_id
    from all_ticks
    where
        date in (
            select cold_files.date from cold_files
            where cold_files.max_batch_id > (select built.batch_id from built)
        )
        and batch_id > (select built.batch_id from built)

),

final as (

    select * from warm
    union all
    select * from moved

)

select * from final
