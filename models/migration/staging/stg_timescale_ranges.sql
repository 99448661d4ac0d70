with

final as (

    {{ timescale_ranges() }}

)

select * from final
