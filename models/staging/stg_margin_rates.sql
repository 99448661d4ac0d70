with

rates as (

    select * from {{ ref('margin_rates') }}

),

final as (

    select
        asset_class,
        margin_rate
    from rates

)

select * from final
