with

manual_snapshots as (

    select * from {{ source('warm', 'manual_snapshots') }}

),

final as (

    select
        snapshot_time,
        after_run
    from manual_snapshots

)

select * from final
