with

pegs as (

    select * from {{ ref('currency_pegs') }}

),

final as (

    select
        currency,
        pegged_to
    from pegs

)

select * from final
