with

vanished_rows as (

    select * from {{ source('state', 'vanished_rows') }}

),

final as (

    select
        relation,
        exchange,
        symbol,
        vanished_at,
        run_number
    from vanished_rows

)

select * from final
