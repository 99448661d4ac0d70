"""Bars by dbt against the fastest bare query for 1m bars, over the same ticks in the same run.

    python benchmarks/bench_bars.py --rows 20000000              # 1 GB of disk
    python benchmarks/bench_bars.py --rows 20000000 100000000    # 4 GB of disk

Makes its own database in a temporary folder, with ticks of 50 symbols, 4 million a day, straight in
`raw` (SQL `range()`, one batch), builds all bars, then lands one more hour of ticks at the same
rate (1 % of them up to two hours late) and builds again, three times. The same hours are also
landed on a fifth of the history: what they cost must not depend on that. Times of dbt are those in
which one of the models ran (run_results.json; two run side by side), medians. DuckDB 1.5 runs the
bare query on the same file (`make .venv-duckdb15/.installed`, or its row is left out).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
from table import Row, save

from python_ingest.schema.migrate import migrate
from python_ingest.storage.writer import STORAGE_VERSION

Times = dict[str, tuple[datetime, datetime]]

PROJECT = Path(__file__).resolve().parents[1]
SYMBOLS = 50
BARE_QUERY = "bare 1m query"
DUCKDB15 = PROJECT / ".venv-duckdb15" / "bin" / "python"
PER_DAY = 4_000_000
NEXT_HOUR = datetime(2026, 1, 10)
STEP = ("int_minute_bars",)
CHAIN = (
    "int_disputed_ticks",
    "int_tick_amendments",
    "int_minutes_to_restate",
    *STEP,
    "int_days_with_trades_and_aggregates",
    "int_trading_days",
    "int_exchange_high_water_marks",
    "int_minute_bars_daily",
    "int_bars_to_restate",
    "ohlcv_bars_warm",
)
BUILT = ("intermediate.int_minute_bars", "warm.ohlcv_bars_warm")
ORDER = (
    "epoch_us(timestamp)::hugeint * 9223372036854775808::hugeint"
    " + coalesce(sequence_number, 9223372036854775807)"
)
BARE = f"""
create or replace temp table bare as
select
    exchange, symbol, epoch_us(timestamp) // 60000000 as minute,
    arg_min(last_price, {ORDER}) as open, max(last_price) as high, min(last_price) as low,
    arg_max(last_price, {ORDER}) as close, sum(last_size) as volume,
    sum(last_price::decimal(20, 8) * last_size) / sum(last_size) as vwap,
    count(*) as trade_count
from raw.market_ticks
group by all
"""


def connect(data_dir: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        str(data_dir / "trading.duckdb"),
        config={
            "threads": 4,
            "memory_limit": "6GB",
            "storage_compatibility_version": STORAGE_VERSION,
        },
    )
    connection.execute("set timezone = 'UTC'")
    return connection


def land(data_dir: Path, batch: int, rows: int, span: tuple[str, int], late: str) -> None:
    """Land `rows` trades, evenly over `span` (start, seconds), moved back by `late` (SQL)."""
    start, seconds = span
    micros = seconds * 1_000_000
    with connect(data_dir) as connection:
        connection.execute(f"""
            insert into raw.market_ticks by name
            select
                ({batch}::bigint << 32) + i + 1 as tick_id,
                {batch} as batch_id,
                'bench' as exchange,
                'S' || lpad((hash(i) % {SYMBOLS})::varchar, 3, '0') as symbol,
                timestamp '{start}' + to_microseconds(((i * {micros}::hugeint) // {rows})::bigint)
                    - {late} as timestamp,
                'trade' as kind,
                (100 + (hash(i + 1) % 100000000)::bigint * 0.00000001)::decimal(18, 8)
                    as last_price,
                ((hash(i + 2) % 1000000000)::bigint * 0.00000001)::decimal(18, 8) as last_size,
                {batch}::bigint * 1000000000 + i as sequence_number,
                ({batch}::bigint * 1000000000 + i)::varchar as trade_id,
                'websocket' as source,
                timestamp '2026-02-01' as ingestion_time,
                1 as occurrence
            from range({rows}) as r(i)
        """)
        connection.execute(
            "insert into raw.landings (batch_id, kind, file_name, sha256, format, rows_read,"
            " rows_landed, rows_duplicate, rows_rejected, min_timestamp, max_timestamp, landed_at,"
            " duration_ms) values (?, 'ticks', 'bench', ?, 'canonical', ?, ?, 0, 0,"
            " null, null, now()::timestamp, 0)",
            [batch, str(batch), rows, rows],
        )


def _build(data_dir: Path, *arguments: str) -> Times:
    """Run dbt; return when each model began and ended."""
    subprocess.run(
        [
            Path(sys.executable).with_name("dbt"),
            *("--quiet", "--log-level-file", "info"),  # as `ingest cycle` runs it
            "build",
            *("--exclude-resource-type", "test", "unit_test"),
            *("--select", "+ohlcv_bars", *arguments),
            *("--vars", '{"as_of": "2026-01-10 02:00:00"}'),
            *("--target-path", data_dir / "target", "--log-path", data_dir / "logs"),
        ],
        check=True,
        cwd=PROJECT,
        env=os.environ | {"DATA_DIR": str(data_dir), "PYTHONPATH": str(PROJECT)},
    )
    results = json.loads((data_dir / "target" / "run_results.json").read_text())["results"]
    return {
        result["unique_id"].split(".")[-1]: (
            datetime.fromisoformat(result["timing"][0]["started_at"]),
            datetime.fromisoformat(result["timing"][-1]["completed_at"]),
        )
        for result in results
    }


def _forget(data_dir: Path) -> None:
    """Take away what was built: a first build has no former bars to compare with."""
    with connect(data_dir) as connection:
        for table in BUILT:
            connection.execute(f"drop table if exists {table}")
        connection.execute("delete from state.chains")


def _bare(data_dir: Path) -> float:
    with connect(data_dir) as connection:
        start = time.perf_counter()
        connection.execute(BARE)
        return time.perf_counter() - start


def _bare_in_duckdb15(data_dir: Path) -> float:
    script = (
        "import sys, time, duckdb; connection = duckdb.connect(sys.argv[1], read_only=True,"
        " config={'threads': 4, 'memory_limit': '6GB'});"
        " connection.execute('set enable_progress_bar = false'); begin = time.perf_counter();"
        " connection.execute(sys.argv[2]); print(time.perf_counter() - begin)"
    )
    command = [DUCKDB15, "-c", script, data_dir / "trading.duckdb", BARE]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


def _elapsed(times: Times, models: tuple[str, ...]) -> float:
    """Return the seconds in which at least one of the models ran."""
    elapsed, until = timedelta(), min(times[model][0] for model in models)
    for start, end in sorted(times[model] for model in models):
        elapsed += max(end - max(start, until), timedelta())
        until = max(end, until)
    return elapsed.total_seconds()


def _one_more_hour(data_dir: Path, times: int) -> float:
    late = "case when hash(i + 9) % 100 = 0 then to_seconds((hash(i + 10) % 7200)::integer)"
    seconds = []
    for hour in range(times):
        span = (str(NEXT_HOUR + timedelta(hours=hour)), 3600)
        land(data_dir, 2 + hour, PER_DAY // 24, span, f"{late} else interval 0 seconds end")
        seconds.append(_elapsed(_build(data_dir), CHAIN))
    return statistics.median(seconds)


def run(rows: int, times: int) -> list[Row]:
    """Measure each of it so many times; one row per claim."""
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder, "large"), Path(folder, "small")
        for data_dir, share in ((large, 1), (small, 5)):
            data_dir.mkdir()
            with connect(data_dir) as connection:
                migrate(connection)
            seconds = rows // share * 86400 // PER_DAY
            span = (str(NEXT_HOUR - timedelta(seconds=seconds)), seconds)
            land(data_dir, 1, rows // share, span, "interval 0 seconds")
        bare, former, step, chain = [], [], [], []
        _build(large)
        for _ in range(times):
            bare.append(_bare(large))
            if DUCKDB15.exists():
                former.append(_bare_in_duckdb15(large))
            _forget(large)
            ran = _build(large, "--full-refresh")
            step.append(_elapsed(ran, STEP))
            chain.append(_elapsed(ran, CHAIN))
        _build(small)
        after_less, after_more = (_one_more_hour(data_dir, times) for data_dir in (small, large))
    baseline = statistics.median(bare)
    one, five = statistics.median(step), statistics.median(chain)
    found = [
        Row("1m bars, full build", one, baseline, BARE_QUERY, rows),
        Row("all five timeframes, full build", five, baseline, BARE_QUERY, rows, 1.6),
        Row("one more hour", after_more, after_less, "on a fifth of the history", rows, 1.25),
        Row("one more hour", after_more, 1.0, "goal, 1 s", rows, 1),
    ]
    if former:
        of_former = f"{BARE_QUERY}, DuckDB 1.5"
        found.append(Row("1m bars, full build", one, statistics.median(former), of_former, rows, 1))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000_000])
    parser.add_argument("--times", type=int, default=3, help="of each build")
    given = parser.parse_args()
    save("bars", [row for rows in given.rows for row in run(rows, given.times)])


if __name__ == "__main__":
    main()
