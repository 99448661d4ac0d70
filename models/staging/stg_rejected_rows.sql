with

rejected_rows as (

    select * from {{ source('raw', 'rejected_rows') }}

),

final as (

    select
        batch_id,
        kind,
        source_file,
        sha256,
        row_number,
        line_number,
        raw_text,
        reason,
        rejected_at
    from rejected_rows

)

select * from final
