-- Of all accounts together: warm rows and those in Parquet; a row that is in both counts as the
-- warm one says.
with

warm as (

    select
        *,
        snapshot_time::date as date
    from {{ ref('portfolio_snapshots_warm') }}
    where snapshot_type <> 'newest' and account_id = 'all'

),

cold as (

    select * from {{ cold_rows('portfolio_snapshots') }}
    where account_id = 'all'

),

final as (

    select * from warm
    union all by name
    select * from cold

)

select * from final
