-- Each table of bars in TimescaleDB, continuous aggregates included, beside the bars computed
-- here, of the timeframes and columns that it has.
with

bars as (

    select * from {{ ref('ohlcv_bars') }}

),

extracted as (

    select * from {{ ref('stg_timescale_bars') }}

),

relations as (

    select
        relation,
        timeframe,
        count(vwap) > 0 as has_vwap,
        count(trade_count) > 0 as has_trade_count
    from extracted
    group by relation, timeframe

),

duckdb as (

    select
        relations.relation,
        bars.exchange,
        bars.symbol,
        bars.timeframe,
        bars.timestamp,
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.volume,
        case when relations.has_vwap then bars.vwap end as vwap,
        case when relations.has_trade_count then bars.trade_count end as trade_count
    from bars
    inner join relations on bars.timeframe = relations.timeframe
    where {{ in_extracts('ohlcv_bars', 'bars.timestamp') }}

),

timescale as (

    select
        relation,
        exchange,
        symbol,
        timeframe,
        timestamp,
        open,
        high,
        low,
        close,
        volume,
        vwap,
        trade_count
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
