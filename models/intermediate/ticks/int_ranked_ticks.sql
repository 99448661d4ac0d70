-- Of ticks with one key the first one counts: 'rest' and 'backfill' before 'websocket', then the
-- smaller hash. One trade that was told by two clocks, one of which cuts the other's time to
-- milliseconds, counts as its most reliable copy, at the finer time.
{% set key = 'exchange, symbol, kind, venue, timestamp::date, key_id, key_number, keyless_id' %}
{% set trade = key ~ ", untimed_hash, date_trunc('millisecond', timestamp)" %}

with

disputed as (

    select * from {{ ref('int_disputed_ticks') }}

),

landings as (

    select * from {{ ref('stg_landings') }}

),

-- A tick's feed says which of its numbers are its key. The id of one that is read from TimescaleDB
-- names no batch.
named as (

    select
        disputed.*,
        case when coalesce(landings.trade_id_identifies, true) then disputed.trade_id end
            as key_id,
        case when coalesce(landings.sequence_identifies, true) then disputed.sequence_number end
            as own_number
    from disputed
    left join landings
        on
            disputed.batch_id = landings.batch_id
            and disputed.tick_id >= landings.batch_id * 4294967296

),

keyed as (

    select
        {{ exclude_columns(['untimed_hash']) }},
        -- what was disputed before two clocks were compared has none
        coalesce(untimed_hash, content_hash) as untimed_hash,
        case when key_id is null then own_number end as key_number,
        case when key_id is null and own_number is null then tick_id end as keyless_id
    from named

),

trades as (

    select
        *,
        min({{ source_rank('source') }}) over (partition by {{ trade }}) as trade_rank,
        min(content_hash) over (partition by {{ trade }}) as trade_hash
    from keyed

),

final as (

    select
        *,
        row_number() over (
            partition by {{ key }}
            order by
                trade_rank,
                trade_hash,
                timestamp desc,
                coalesce(nanoseconds, 0) desc,
                {{ source_rank('source') }},
                content_hash,
                tick_id
        ) as preference
    from trades

)

select * from final
