with

cold_files as (

    select * from {{ ref('stg_cold_files') }}

),

final as (

    select
        file_id,
        relation,
        date,
        folder,
        path,
        rows,
        bytes,
        checksum,
        sha256,
        min_timestamp,
        max_timestamp,
        min_batch_id,
        max_batch_id,
        exported_at,
        state,
        replaced_at,
        object_url,
        storage_class,
        archived_at,
        restored_at,
        removed_at
    from cold_files

)

select * from final
