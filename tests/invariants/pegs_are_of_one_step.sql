-- A currency that is pegged to one which is pegged itself would be converted half of the way.
with

pegs as (

    select * from {{ ref('stg_currency_pegs') }}

),

final as (

    select
        pegs.currency,
        pegs.pegged_to,
        others.pegged_to as should_be_pegged_to
    from pegs
    inner join pegs as others on pegs.pegged_to = others.currency
    where others.currency != others.pegged_to

)

select * from final
