with

actions as (

    select * from {{ source('raw', 'corporate_actions') }}

),

-- Whatever was told, also what another source corrected since.
final as (

    select distinct
        exchange,
        symbol,
        new_symbol
    from actions
    where new_symbol is not null

)

select * from final
