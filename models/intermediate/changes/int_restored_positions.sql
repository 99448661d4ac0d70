-- From when on each position is compared with rows of it that came back from the archive.
with

restored_days as (

    select * from {{ ref('int_restored_days') }}
    where chain = 'trading'

),

cold_trades as (

    select * from {{ cold_rows('trades') }}

),

cold_positions as (

    select * from {{ cold_rows('positions') }}

),

final as (

    select
        'trades' as relation,
        account_id,
        exchange,
        symbol,
        strategy_id,
        min(executed_at) as restart_at
    from cold_trades
    where
        date in (
            select restored_days.date from restored_days
            where restored_days.relation = 'trades'
        )
    group by account_id, exchange, symbol, strategy_id
    union all
    select
        'positions' as relation,
        account_id,
        exchange,
        symbol,
        strategy_id,
        min(snapshot_time) as restart_at
    from cold_positions
    where
        date in (
            select restored_days.date from restored_days
            where restored_days.relation = 'positions'
        )
    group by account_id, exchange, symbol, strategy_id

)

select * from final
