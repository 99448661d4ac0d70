{{ config(
    materialized='incremental',
    unique_key='tick_id',
    meta={'region': 'everything'}
) }}

-- Decided anew in each build, since it is small; only what changed is written, so that the minutes can
-- tell which of them a decision touches.
with recursive

disputed as (

    select * from {{ ref('int_disputed_ticks') }}

),

corrections as (

    select * from {{ ref('stg_tick_corrections') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by
                exchange,
                symbol,
                kind,
                venue,
                timestamp::date,
                trade_id,
                case when trade_id is null then sequence_number end
            order by
                {{ source_rank('source') }},
                content_hash,
                tick_id
        ) as preference
    from disputed

),

direct_matches as (

    select
        corrections.batch_id,
        corrections.row_number,
        max_by(ranked.tick_id, ranked.timestamp) as tick_id
    from corrections
    inner join ranked
        on
            corrections.exchange = ranked.exchange
            and corrections.symbol = ranked.symbol
            and corrections.trade_id = ranked.trade_id
            and corrections.venue is not distinct from ranked.venue
            and corrections.corrected_at >= ranked.timestamp
    where
        ranked.preference = 1
        and ranked.kind = 'trade'
    group by all

),

unmatched as (

    select corrections.*
    from corrections
    left join direct_matches
        on
            corrections.batch_id = direct_matches.batch_id
            and corrections.row_number = direct_matches.row_number
    where direct_matches.tick_id is null

),

-- A correction of a corrected trade names it by the id that the correction before gave it.
predecessors as (

    select
        unmatched.batch_id,
        unmatched.row_number,
        earlier.batch_id as earlier_batch_id,
        earlier.row_number as earlier_row_number
    from unmatched
    inner join corrections as earlier
        on
            unmatched.exchange = earlier.exchange
            and unmatched.symbol = earlier.symbol
            and unmatched.trade_id = earlier.corrected_trade_id
            and unmatched.venue is not distinct from earlier.venue
            and (unmatched.corrected_at, unmatched.content_hash)
            > (earlier.corrected_at, earlier.content_hash)
    qualify
        row_number() over (
            partition by unmatched.batch_id, unmatched.row_number
            order by earlier.corrected_at desc, earlier.content_hash desc
        ) = 1

),

matches as (

    select * from direct_matches
    union all
    select
        predecessors.batch_id,
        predecessors.row_number,
        matches.tick_id
    from matches
    inner join predecessors
        on
            matches.batch_id = predecessors.earlier_batch_id
            and matches.row_number = predecessors.earlier_row_number

),

corrected as (

    select
        matches.tick_id,
        bool_or(corrections.action = 'bust') as is_busted,
        max_by(
            corrections.corrected_price,
            (corrections.corrected_at, corrections.content_hash)
        ) filter (where corrections.corrected_price is not null) as corrected_price,
        max_by(
            corrections.corrected_size,
            (corrections.corrected_at, corrections.content_hash)
        ) filter (where corrections.corrected_size is not null) as corrected_size,
        max_by(
            corrections.corrected_conditions,
            (corrections.corrected_at, corrections.content_hash)
        ) filter (where corrections.corrected_conditions is not null) as corrected_conditions
    from matches
    inner join corrections
        on
            matches.batch_id = corrections.batch_id
            and matches.row_number = corrections.row_number
    group by all

),

final as (

    select
        ranked.tick_id,
        ranked.exchange,
        ranked.symbol,
        ranked.kind,
        ranked.timestamp,
        ranked.preference > 1 as is_superseded,
        coalesce(corrected.is_busted, false) as is_busted,
        corrected.corrected_price,
        corrected.corrected_size,
        corrected.corrected_conditions,
        {{ run_number() }} as built_run
    from ranked
    left join corrected on ranked.tick_id = corrected.tick_id

)

select * from final
