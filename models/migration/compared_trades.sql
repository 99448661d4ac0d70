with

duckdb as (

    select
        'trades' as relation,
        trade_id,
        order_id,
        exchange,
        symbol,
        side,
        quantity,
        price,
        executed_at,
        commission,
        fees,
        realized_pnl,
        exchange_trade_id
    from {{ ref('trades') }}
    where
        {{ in_extracts('trades', 'executed_at') }}
        and account_id = 'main'

),

timescale as (

    select
        'trades' as relation,
        trade_id,
        order_id,
        exchange,
        symbol,
        side,
        quantity,
        price,
        executed_at,
        commission,
        fees,
        realized_pnl,
        exchange_trade_id
    from {{ ref('stg_timescale_trades') }}

),

final as (

    select
        'duckdb' as system,
        *
    from duckdb
    union all by name
    select
        'timescale' as system,
        *
    from timescale

)

select * from final
