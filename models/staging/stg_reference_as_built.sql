with

reference_as_built as (

    select * from {{ source('state', 'reference_as_built') }}

),

final as (

    select
        chain,
        kind,
        exchange,
        symbol,
        content
    from reference_as_built

)

select * from final
