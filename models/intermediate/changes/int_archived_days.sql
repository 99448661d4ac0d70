-- Days of a relation of which rows lie in the archive only, and since when.
with

cold_files as (

    select * from {{ ref('stg_cold_files') }}

),

final as (

    select
        relation,
        date,
        max(archived_at) as archived_at
    from cold_files
    where state = 'archived'
    group by
        relation,
        date

)

select * from final
