with

warm as (

    select * from {{ ref('positions_warm') }}

),

final as (

    -- What the next build continues from is no business of readers.
    select * exclude (peak_pnl, deepest_fall, largest_cost) from warm

)

select * from final
