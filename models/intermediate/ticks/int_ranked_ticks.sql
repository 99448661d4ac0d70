-- Of ticks with one key the best counts: 'rest' and 'backfill' before 'websocket', then the smaller
-- hash. A copy of it may have a finer clock or a number that the best lacks: of one trade the copy
-- of the finest time counts.
{% set key = 'exchange, symbol, kind, venue, timestamp::date, key_id, key_number, keyless_id' %}
{% set order = source_rank('source') ~ ', content_hash, tick_id' %}
{% set best = '(partition by ' ~ key ~ ' order by ' ~ order ~ ')' %}

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

compared as (

    select
        *,
        first_value(untimed_hash) over {{ best }} as best_hash,
        first_value(sequence_number) over {{ best }} as best_number,
        first_value(timestamp) over {{ best }} as best_time,
        first_value(coalesce(nanoseconds, 0)) over {{ best }} as best_nanoseconds
    from keyed

),

trades as (

    select
        *,
        untimed_hash = best_hash
        and coalesce(sequence_number = best_number, true)
        and (
            {{ is_truncation_of('timestamp', 'coalesce(nanoseconds, 0)', 'best_time') }}
            or {{ is_truncation_of('best_time', 'best_nanoseconds', 'timestamp') }}
            or (timestamp = best_time and coalesce(nanoseconds, 0) = best_nanoseconds)
        ) as is_best_trade
    from compared

),

final as (

    select
        *,
        row_number() over (
            partition by {{ key }}
            order by
                case when is_best_trade then 0 else 1 end,
                case when is_best_trade then timestamp end desc,
                case when is_best_trade then coalesce(nanoseconds, 0) end desc,
                case when is_best_trade and sequence_number is null then 1 else 0 end,
                {{ source_rank('source') }},
                content_hash,
                tick_id
        ) as preference
    from trades

)

select * from final
