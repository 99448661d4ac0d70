with

accounts as (

    select * from {{ ref('accounts') }}

),

final as (

    select
        account_id,
        coalesce(currency, '{{ var("base_currency") }}') as currency,
        broker,
        lot_method,
        coalesce(hedge_mode, false) as hedge_mode
    from accounts

)

select * from final
