with

landings as (

    select * from {{ ref('stg_landings') }}

),

final as (

    select
        batch_id,
        kind,
        file_name,
        sha256,
        format,
        feed_version,
        sequence_identifies,
        trade_id_identifies,
        rows_read,
        rows_landed,
        rows_duplicate,
        rows_rejected,
        rows_ignored,
        ignored,
        min_timestamp,
        max_timestamp,
        landed_at,
        duration_ms
    from landings

)

select * from final
