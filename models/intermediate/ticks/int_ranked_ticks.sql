-- Of ticks with one key the first one counts: 'rest' and 'backfill' before 'websocket', then the
-- smaller hash.
with

disputed as (

    select * from {{ ref('int_disputed_ticks') }}

),

final as (

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

)

select * from final
