-- depends_on: {{ ref('int_reference_changes') }}
{{ config(
    materialized='incremental',
    unique_key='tick_id',
    meta={'region': 'everything'}
) }}

-- Decided anew in each build, since it is small; only what changed is written, so that the minutes
-- can tell which of them a decision touches.
with

ranked as (

    select * from {{ ref('int_ranked_ticks') }}

),

matches as (

    select * from {{ ref('int_correction_matches') }}

),

corrections as (

    select * from {{ ref('stg_tick_corrections') }}

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
