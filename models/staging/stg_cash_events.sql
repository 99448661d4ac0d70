with

events as (

    select * from {{ source('raw', 'cash_events') }}

),

final as (

    select
        batch_id,
        event_id,
        event_time,
        kind,
        amount,
        currency,
        source,
        ingestion_time,
        kind in ('deposit', 'withdrawal') as is_flow,
        -- Of all its versions: from when on, and in which batch, it may have changed something.
        min(event_time) over (partition by event_id) as changed_from,
        max(batch_id) over (partition by event_id) as changed_in_batch,
        bool_or(kind in ('deposit', 'withdrawal')) over (partition by event_id) as was_flow
    from events
    qualify
        row_number() over (
            partition by event_id
            order by
                case when source in ('rest', 'backfill') then 0 else 1 end,
                content_hash, batch_id, row_number
        ) = 1

)

select * from final
