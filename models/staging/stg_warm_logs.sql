with

logs as (

    select * from {{ source('raw', 'application_logs') }}

),

final as (

    select * from logs

)

select * from final
