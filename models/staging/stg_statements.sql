with

statements as (

    select * from {{ source('raw', 'statements') }}

),

-- A statement is complete: landed again, it replaces what it said before.
newest as (

    select * from statements
    qualify batch_id = max(batch_id) over (partition by account_id, as_of, exchange)

),

final as (

    select
        account_id,
        as_of,
        exchange,
        symbol,
        currency,
        max(batch_id) as batch_id,
        -- A broker may list a position by its lots.
        sum(quantity)::decimal(38, 10) as quantity,
        {{ sum_if_known('cost') }}::decimal(38, 10) as cost,
        {{ sum_if_known('market_value') }}::decimal(38, 10) as market_value
    from newest
    group by account_id, as_of, exchange, symbol, currency

)

select * from final
