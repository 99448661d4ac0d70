with

duckdb as (

    select
        'portfolio_snapshots' as relation,
        snapshot_time,
        snapshot_type,
        cash_balance,
        portfolio_value,
        equity,
        total_pnl
    from {{ ref('portfolio_snapshots') }}
    where {{ in_extracts('portfolio_snapshots', 'snapshot_time') }}

),

timescale as (

    select
        'portfolio_snapshots' as relation,
        snapshot_time,
        snapshot_type,
        cash_balance,
        portfolio_value,
        equity,
        total_pnl
    from {{ ref('stg_timescale_portfolio') }}

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
