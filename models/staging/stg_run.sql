with

runs as (

    select * from {{ source('state', 'run') }}

),

final as (

    select
        run_number,
        batch_id,
        started_at
    from runs

)

select * from final
