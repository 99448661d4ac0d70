with

final as (

    {{ timescale_coverage() }}

)

select * from final
