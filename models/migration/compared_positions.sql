-- TimescaleDB's position snapshots beside what each position was here at that time: the two
-- systems take snapshots at times of their own. TimescaleDB keeps eight decimals, an average here
-- has ten; and the account `main` alone (docs/adr/0072).
with

positions as (

    select * from {{ ref('positions') }}
    where
        account_id = 'main'
        and position_side = 'net'

),

extracted as (

    select * from {{ ref('stg_timescale_positions') }}

),

duckdb as (

    select
        'positions' as relation,
        extracted.exchange,
        extracted.symbol,
        extracted.strategy_id,
        extracted.snapshot_time,
        positions.quantity,
        round(positions.average_entry_price, 8) as average_entry_price,
        positions.realized_pnl
    from extracted
    asof inner join positions
        on
            extracted.exchange = positions.exchange
            and extracted.symbol = positions.symbol
            and extracted.strategy_id = positions.strategy_id
            and extracted.snapshot_time >= positions.snapshot_time

),

timescale as (

    select
        'positions' as relation,
        exchange,
        symbol,
        strategy_id,
        snapshot_time,
        quantity,
        round(average_entry_price, 8) as average_entry_price,
        realized_pnl
    from extracted

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
