with

corrections as (

    select * from {{ source('raw', 'tick_corrections') }}

),

final as (

    select
        batch_id,
        row_number,
        exchange,
        symbol,
        venue,
        trade_id,
        action,
        timestamp as corrected_at,
        corrected_trade_id,
        corrected_price,
        corrected_size,
        corrected_conditions,
        source,
        content_hash
    from corrections

)

select * from final
