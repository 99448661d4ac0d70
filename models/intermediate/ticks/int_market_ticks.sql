with

ticks as (

    select * from {{ ref('int_amended_ticks') }}

),

final as (

    select {{ exclude_columns(['is_superseded']) }}
    from ticks
    where not is_superseded

)

select * from final
