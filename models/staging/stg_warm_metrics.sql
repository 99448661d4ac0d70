with

metrics as (

    select * from {{ source('raw', 'system_metrics') }}

),

final as (

    select * from metrics

)

select * from final
