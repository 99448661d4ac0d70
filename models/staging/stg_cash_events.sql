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
        kind in ('deposit', 'withdrawal') as is_flow
    from events
    qualify
        row_number() over (
            partition by event_id
            order by if(source in ('rest', 'backfill'), 0, 1), content_hash, batch_id, row_number
        ) = 1

)

select * from final
