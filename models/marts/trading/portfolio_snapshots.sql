with

warm as (

    select * from {{ ref('portfolio_snapshots_warm') }}

),

final as (

    select * from warm
    where snapshot_type <> 'newest'

)

select * from final
