with

chains as (

    select * from {{ source('state', 'chains') }}

),

final as (

    select
        chain,
        batch_id,
        run_number,
        valued_until
    from chains

)

select * from final
