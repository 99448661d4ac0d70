"""Landing and 1m bars as others do them, and the specification's batches of 100 to 100,000 rows.

    python benchmarks/bench_engines.py --rows 20000000

`ingest demo` makes the ticks, as Parquet. We land them by `ingest land` and make bars by dbt;
polars makes bars of the Parquet files (vwap in floats); chdb loads a MergeTree table and makes bars
of it; PostgreSQL 15 loads a table with the specification's indexes by COPY (the CSV is made before
the clock starts) and makes bars of it, then those of one more hour; so does TimescaleDB where
BENCH_TIMESCALE_DSN names one, whose bars are a continuous aggregate that it refreshes. Ours does
what they do not: it validates, finds duplicates, ends durable. chdb is no dependency of ours:
`pip install chdb`, or its rows are left out.
"""

import argparse
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import psycopg
from postgres import into_chunks, servers
from table import Row, save

from python_ingest.landing.engine import Engine
from python_ingest.landing.land import land_files
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import open_writer, session_config

PROJECT = Path(__file__).resolve().parents[1]
BATCHES = (100, 1_000, 10_000, 100_000)
INSERTS_A_SECOND = 100_000  # the specification's figure
COLUMNS = {
    "exchange": "text",
    "symbol": "text",
    "timestamp": "timestamp",
    "kind": "text",
    "last_price": "numeric(18, 8)",
    "last_size": "numeric(18, 8)",
    "bid_price": "numeric(18, 8)",
    "ask_price": "numeric(18, 8)",
    "bid_size": "numeric(18, 8)",
    "ask_size": "numeric(18, 8)",
    "sequence_number": "bigint",
    "trade_id": "text",
}
POSTGRES_INDEXES = (
    "create index on market_ticks (timestamp desc)",
    "create index on market_ticks (symbol, timestamp desc)",
    "create index on market_ticks (exchange, timestamp desc)",
)
BARS = """
select
    exchange, symbol, {minute} as minute,
    {first} as open, max(last_price) as high, min(last_price) as low, {last} as close,
    sum(last_size) as volume, sum({notional}) / nullif(sum(last_size), 0) as vwap,
    count(*) as trade_count
from market_ticks
where kind = 'trade'
group by 1, 2, 3
"""
IN_POSTGRES = BARS.format(
    minute="date_trunc('minute', timestamp)",
    first="(array_agg(last_price order by timestamp, sequence_number))[1]",
    notional="last_price * last_size",
    last="(array_agg(last_price order by timestamp desc, sequence_number desc))[1]",
)
IN_TIMESCALE = BARS.format(
    minute="time_bucket('1 minute', timestamp)",
    first="first(last_price, timestamp)",
    notional="last_price * last_size",
    last="last(last_price, timestamp)",
)
IN_CHDB = BARS.format(
    minute="toStartOfMinute(timestamp)",
    first="argMin(last_price, (timestamp, sequence_number))",
    notional="cast(last_price as Nullable(Decimal(38, 8))) * last_size",
    last="argMax(last_price, (timestamp, sequence_number))",
)


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def median(function: Callable[[], object], times: int) -> float:
    return statistics.median(timed(function) for _ in range(times))


def our_bars(data: Path, *arguments: str) -> float:
    """Build 1m bars; returns the model's own seconds."""
    arguments = ("--quiet", "build", "--select", "+int_minute_bars", *arguments)
    arguments += ("--exclude-resource-type", "test", "unit_test")
    arguments += ("--target-path", str(data / "dbt"), "--log-path", str(data / "logs"))
    subprocess.run([Path(sys.executable).with_name("dbt"), *arguments], check=True, cwd=PROJECT)
    results = json.loads((data / "dbt" / "run_results.json").read_text())["results"]
    return float(
        next(r["execution_time"] for r in results if r["unique_id"].endswith(".int_minute_bars"))
    )


def one_more_hour(ticks: list[Path], folder: Path) -> Path:
    """Write the newest hour of the ticks once more, an hour later."""
    hour = folder / "one_more_hour.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"create view ticks as from read_parquet({list(map(str, ticks))});"
            "create view hour as select * replace ("
            "timestamp + interval 1 hour as timestamp, concat('more', trade_id) as trade_id)"
            " from ticks where timestamp > (select max(timestamp) - interval 1 hour from ticks);"
            f"copy hour to '{hour}'"
        )
    return hour


def polars_bars(ticks: list[Path]) -> pl.DataFrame:
    trades = pl.scan_parquet(ticks).filter(pl.col("kind") == "trade")
    price, size = pl.col("last_price"), pl.col("last_size")
    notional = price.cast(pl.Float64) * size.cast(pl.Float64)
    ordered = price.sort_by("timestamp", "sequence_number")
    return (
        trades.group_by("exchange", "symbol", pl.col("timestamp").dt.truncate("1m"))
        .agg(
            ordered.first().alias("open"),
            price.max().alias("high"),
            price.min().alias("low"),
            ordered.last().alias("close"),
            size.sum().alias("volume"),
            (notional.sum() / size.cast(pl.Float64).sum()).alias("vwap"),
            pl.len().alias("trade_count"),
        )
        .collect()
    )


def bare_landing(settings: Settings, path: str, ticks: list[Path]) -> float:
    """Return the seconds to insert the files, one after the other, into a table of theirs."""
    with duckdb.connect(path, config=session_config(settings)) as connection:
        connection.execute(f"create table ticks as from '{ticks[0]}' limit 0")

    def insert() -> None:
        for file in ticks:
            with duckdb.connect(path) as connection:
                connection.execute(f"insert into ticks from '{file}'")

    return timed(insert)


def in_server(
    dsn: str, ticks: list[Path], hour: Path, folder: Path, times: int
) -> tuple[float, float, float]:
    """Return the seconds to load the ticks, to make bars of them, and bars of one more hour."""
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    types = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
    csv, more = folder / "ticks.csv", folder / "more.csv"
    for path, files in ((csv, ticks), (more, [hour])):
        source = f"select {columns} from read_parquet({list(map(str, files))})"
        duckdb.execute(f"copy ({source}) to '{path}' (header 0)")
    with psycopg.connect(dsn, autocommit=True) as connection:

        def load(path: Path) -> None:
            copy_in = f"copy market_ticks ({columns}) from stdin csv"
            with connection.cursor().copy(copy_in) as copy, path.open("rb") as file:
                while block := file.read(1 << 20):
                    copy.write(block)

        connection.execute("drop table if exists market_ticks cascade")
        connection.execute(f"create table market_ticks ({types})")
        chunked = into_chunks(connection, "market_ticks")
        for index in POSTGRES_INDEXES:
            connection.execute(index)
        loaded = timed(lambda: load(csv))
        connection.execute("vacuum analyze market_ticks")

        def whole() -> None:
            connection.execute(f"create table bars as {IN_POSTGRES}")

        def refresh() -> None:
            connection.execute("call refresh_continuous_aggregate('bars', null, null)")

        made = []
        for _ in range(times):
            if chunked:
                connection.execute("drop materialized view if exists bars")
                connection.execute(
                    "create materialized view bars with (timescaledb.continuous) as"
                    f" {IN_TIMESCALE} with no data"
                )
            else:
                connection.execute("drop table if exists bars")
            made.append(timed(refresh if chunked else whole))
        newest = connection.execute("select max(minute) from bars").fetchone()
        load(more)
        anew = IN_POSTGRES.replace("group by", "and timestamp >= %s + interval '1 minute' group by")
        added = timed(
            refresh if chunked else lambda: connection.execute(f"insert into bars {anew}", newest)
        )
        connection.execute(f"drop {'materialized view' if chunked else 'table'} bars")
        connection.execute("drop table market_ticks")
    for path in (csv, more):
        path.unlink()
    return loaded, statistics.median(made), added


def in_chdb(ticks: Path, folder: Path, times: int) -> tuple[float, float]:
    """Return the seconds to load the ticks, and to make bars of them."""
    session = importlib.import_module("chdb.session").Session(str(folder / "chdb"))
    columns = ", ".join(COLUMNS)

    def load() -> None:
        session.query("drop table if exists market_ticks")
        session.query(
            "create table market_ticks engine = MergeTree order by (symbol, timestamp)"
            " settings allow_nullable_key = 1 as"
            f" select {columns} from file('{ticks}/ticks_*.parquet')"
        )

    loaded = median(load, times)

    def bars() -> None:
        session.query("drop table if exists bars")
        session.query(f"create table bars engine = Memory as {IN_CHDB}")

    return loaded, median(bars, times)


def batches(folder: Path, ticks: Path) -> list[Row]:
    """Land files of 100 to 100,000 rows one after the other, against bare inserts of the same."""
    found = []
    for size in BATCHES:
        count = max(3, min(20, 100_000 // size))
        files = []
        for number in range(count):
            files.append(folder / f"batch_{size}_{number}.parquet")
            duckdb.execute(
                f"copy (from '{ticks}' limit {size} offset {number * size}) to '{files[-1]}'"
            )
        env = {"DATA_DIR": str(folder / f"batches_{size}")}
        ours = load_settings(folder / "none.toml", env)
        with open_writer(ours) as connection:
            migrate(connection)
        with Engine(ours) as engine:
            each = [timed(lambda: land_files(ours, "ticks", [f], engine=engine)) for f in files]  # noqa: B023
        seconds = sum(each)
        rows = size * count
        middle = statistics.median(each)
        more = f"{rows / seconds:,.0f} rows/s, {middle * 1000:.0f} ms a batch (p50)"
        baseline = bare_landing(ours, str(folder / f"bare_{size}.duckdb"), files)
        name = f"land {count} files of {size:,} ticks"
        found.append(Row(name, seconds, baseline, "bare insert, durable", rows, more=more))
        if size == BATCHES[0]:
            what = f"a batch of {size} ticks, by a resident lander"
            found.append(Row(what, middle, 0.025, "goal, 25 ms", size, 1))
        if size >= 10_000:
            asked = rows / INSERTS_A_SECOND
            found.append(Row(name, seconds, asked, "100,000 inserts/s (specification)", rows, 1))
    return found


def measure(folder: Path, rows: int, times: int) -> list[Row]:
    """Land and make bars with all of them; one row per comparison."""
    data, demo = folder / "data", folder / "demo"
    command = [sys.executable, "-m", "python_ingest"]
    shape = ["--rows", str(rows), "--symbols", "50", "--days", "5", "--out", str(demo)]
    subprocess.run([*command, "demo", *shape], check=True, stdout=subprocess.DEVNULL)
    ticks = sorted(demo.glob("ticks_*.parquet"))
    settings = load_settings(folder / "none.toml", {"DATA_DIR": str(data)})
    with open_writer(settings) as connection:
        migrate(connection)
    landing = timed(lambda: land_files(settings, "ticks", ticks))
    bare = bare_landing(settings, str(folder / "bare.duckdb"), ticks)
    os.environ["DATA_DIR"] = str(data)
    bars, theirs = [], []
    for _ in range(times):
        bars.append(our_bars(data, "--full-refresh"))
        theirs.append(timed(lambda: polars_bars(ticks)))
    made_ours = statistics.median(bars)
    hour = one_more_hour(ticks, folder)
    land_files(settings, "ticks", [hour])
    added_ours = our_bars(data)
    found = [
        Row("1m bars", made_ours, statistics.median(theirs), "polars, Parquet", rows, 1),
        Row("landing", landing, bare, "bare insert, durable", rows, 1 / 0.8),
    ]
    with servers() as dsns:
        for name, dsn in dsns.items():
            loaded, made, added = in_server(dsn, ticks, hour, folder, times)
            found += [
                Row("landing", landing, loaded, f"{name}, COPY", rows),
                Row("1m bars", made_ours, made, name, rows),
                Row("1m bars, one more hour", added_ours, added, name, rows),
            ]
    if importlib.util.find_spec("chdb"):
        loaded, made = in_chdb(demo, folder, times)
        found += [
            Row("landing", landing, loaded, "chdb, MergeTree from Parquet", rows, 2),
            Row("bare insert, durable", bare, loaded, "chdb, MergeTree from Parquet", rows),
            Row("1m bars", made_ours, made, "chdb, MergeTree", rows),
        ]
    else:
        print("without chdb: pip install chdb")
    return found + batches(folder, ticks[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-engines-") as folder:
        found = measure(Path(folder), options.rows, options.times)
    save("engines", found)


if __name__ == "__main__":
    main()
