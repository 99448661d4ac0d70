-- Days that came back from the archive since a chain was complete. What was to be done there
-- waited, and what was done meanwhile was compared with nothing: they are done again.
with

restored_days as (

    select * from {{ ref('stg_restored_days') }}

),

chains as (

    select * from {{ ref('stg_chains') }}

),

final as (

    select distinct
        chains.chain,
        restored_days.relation,
        restored_days.date
    from restored_days
    inner join chains on restored_days.after_run >= chains.run_number

)

select * from final
