with

ticks as (

    select * from {{ ref('stg_amended_ticks') }}

),

final as (

    select {{ all_but(['is_superseded']) }}
    from ticks
    where not is_superseded

)

select * from final
