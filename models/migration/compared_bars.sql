-- Each table of bars in TimescaleDB, continuous aggregates included, beside the bars computed
-- here, of the timeframes and columns that it has. An aggregate may show a bar that has not ended:
-- of those only what ended before the extraction is compared.
with

bars as (

    select * from {{ ref('ohlcv_bars') }}

),

extracted as (

    select * from {{ ref('stg_timescale_bars') }}

),

coverage as (

    select * from {{ ref('stg_timescale_coverage') }}

),

timeframes as (

    select * from {{ ref('timeframes') }}

),

covered as (

    select
        relation,
        any_value(timeframe) as timeframe,
        max(covered_to) as covered_to
    from coverage
    where table_name = 'ohlcv_bars'
    group by relation

),

shown as (

    select
        relation,
        timeframe,
        count(vwap) > 0 as has_vwap,
        count(trade_count) > 0 as has_trade_count
    from extracted
    group by relation, timeframe

),

with_rows as (

    select distinct relation from extracted

),

-- One without any row there is compared too: an aggregate has its timeframe, a table each.
relations as (

    select
        covered.relation,
        timeframes.timeframe,
        coalesce(shown.has_vwap, false) as has_vwap,
        coalesce(shown.has_trade_count, false) as has_trade_count,
        covered.covered_to - to_minutes(timeframes.minutes) as last_start
    from covered
    cross join timeframes
    left join shown
        on
            covered.relation = shown.relation
            and timeframes.timeframe = shown.timeframe
    left join with_rows on covered.relation = with_rows.relation
    where
        shown.relation is not null
        or (
            with_rows.relation is null
            and coalesce(covered.timeframe = timeframes.timeframe, true)
        )

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
    where
        {{ in_extracts('ohlcv_bars', 'bars.timestamp') }}
        and bars.timestamp <= relations.last_start

),

timescale as (

    select
        extracted.relation,
        extracted.exchange,
        extracted.symbol,
        extracted.timeframe,
        extracted.timestamp,
        extracted.open,
        extracted.high,
        extracted.low,
        extracted.close,
        extracted.volume,
        extracted.vwap,
        extracted.trade_count
    from extracted
    left join relations
        on
            extracted.relation = relations.relation
            and extracted.timeframe = relations.timeframe
    where coalesce(extracted.timestamp <= relations.last_start, true)

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
