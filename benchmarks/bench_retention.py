"""Export against a bare COPY, cold queries, recent queries beside many cold files, bytes a tick.

    python benchmarks/bench_retention.py [--rows 20000000]

Five days of 50 symbols. The bare COPY and the export run alternately in one process, on copies of
one database file. The export sorts, writes, reads back, hashes and deletes; the COPY only writes.
Every price and size of these ticks is random, so nothing about them packs. What a tick of a market
takes is measured on `ingest demo`, where prices walk and sizes repeat.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from bench_build import ingest
from table import Row, save

from python_ingest.lifecycle.export import Leaving, export
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.cold_views import make_view
from python_ingest.storage.writer import open_writer

TICKS = RELATIONS["market_ticks"]
SYMBOLS, DAYS, TIMES = 50, 5, 3
MARKET = 1_000_000
GOALS = {
    "export_against_bare_copy": 2.5,
    "cold_symbol_day_ms": 100,
    "recent_with_1000_files_more_ms": 15,
    "cold_bytes_per_tick": 24,  # 480 MB for 20 million
}
FILL = """
insert into raw.market_ticks
select
    (1::bigint << 32) + i, 1, 'binance', 'SYM' || lpad((hash(i) % $symbols)::varchar, 2, '0'),
    timestamp '2024-01-01' + to_microseconds(i * ($days * 86400000000 // $rows)),
    'trade', null, p - 0.01, p + 0.01, q, q + 1, p, q, null, i, i::varchar, null, null,
    'websocket', timestamp '2024-01-01', null, 1, null, null, null
from (
    select
        i,
        (100 + hash(i + 1) % 100000 / 1000)::decimal(18, 8) as p,
        (hash(i + 2) % 100000 / 1000)::decimal(18, 8) as q
    from range($rows) r(i)
)
"""
LEAVING = "select *, true as is_kept from raw.market_ticks"
BARE = """
copy (select *, timestamp::date as date from raw.market_ticks) to '{folder}'
(format parquet, compression zstd, compression_level 3, partition_by (date))
"""


def median_ms(action: Callable[[], object], times: int = 15) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def make_cold_view(connection: duckdb.DuckDBPyConnection, data_dir: Path) -> None:
    columns = connection.execute(f"describe {TICKS.home}").fetchall()
    make_view(
        connection, data_dir, TICKS.name, [*((c[0], c[1]) for c in columns), ("date", "DATE")]
    )


def settings_in(folder: Path) -> Settings:
    limits = {"DATABASE_MEMORY_LIMIT_MB": "4096", "DATABASE_NUM_THREADS": str(os.cpu_count())}
    return load_settings(env={"DATA_DIR": str(folder), **limits})


def exports(folder: Path, rows: int) -> dict[str, float]:
    made = folder / "made"
    settings = settings_in(made)
    with open_writer(settings) as connection:
        migrate(connection)
        connection.execute(
            FILL.replace("$symbols", str(SYMBOLS))
            .replace("$days", str(DAYS))
            .replace("$rows", str(rows))
        )
        make_cold_view(connection, made)
    warm_bytes = settings.database_path.stat().st_size
    bare, ours = [], []
    for number in range(TIMES):
        copied = folder / f"copy-{number}"
        shutil.copytree(made, copied)
        with open_writer(settings_in(copied)) as connection:
            connection.execute("select count(last_price) from raw.market_ticks").fetchall()
            started = time.perf_counter()
            connection.execute(BARE.format(folder=folder / "bare"))
            bare.append(time.perf_counter() - started)
            shutil.rmtree(folder / "bare")
            started = time.perf_counter()
            export(connection, copied, Leaving(TICKS, LEAVING))
            ours.append(time.perf_counter() - started)
            cold_bytes = connection.execute("select sum(bytes) from raw.cold_files").fetchall()
            day = (
                "select * from cold.market_ticks"
                " where date = '2024-01-03' and exchange = 'binance' and symbol = 'SYM07'"
            )
            symbol_day = median_ms(lambda: connection.sql(day).to_arrow_table())  # noqa: B023
        shutil.rmtree(copied)
    return {
        "bare_copy_seconds": round(statistics.median(bare), 2),
        "export_seconds": round(statistics.median(ours), 2),
        "export_against_bare_copy": round(statistics.median(ours) / statistics.median(bare), 2),
        "cold_symbol_day_ms": round(symbol_day, 1),
        "cold_bytes_per_tick": round(float(cold_bytes[0][0]) / rows, 1),
        "warm_bytes_per_tick": round(warm_bytes / rows, 1),
    }


def market_bytes(folder: Path) -> float:
    """Return the bytes that a tick of a simulated market takes in cold files."""
    os.environ["DATA_DIR"] = str(folder / "market")
    demo = folder / "market" / "demo"
    ingest("demo", "--rows", str(MARKET), "--symbols", "4", "--days", "1", "--out", str(demo))
    ingest("land", "ticks", *map(str, demo.glob("ticks_*.parquet")))
    settings = settings_in(folder / "market")
    with open_writer(settings) as connection:
        make_cold_view(connection, settings.data_dir)
        export(connection, settings.data_dir, Leaving(TICKS, LEAVING))
        ((found,),) = connection.execute(
            "select sum(bytes) / sum(rows) from raw.cold_files"
        ).fetchall()
    return float(found)


def recent(folder: Path, files: int) -> float:
    """Milliseconds of a query for a recent hour through warm and cold, beside so many files."""
    data_dir = folder / f"recent-{files}"
    settings = settings_in(data_dir)
    with open_writer(settings) as connection:
        migrate(connection)
        make_cold_view(connection, data_dir)
        connection.execute(
            FILL.replace("$symbols", "50").replace("$days", "1").replace("$rows", "200000")
        )
        connection.execute(
            "create temp table one as select * replace (timestamp - interval 1 day as timestamp)"
            " from raw.market_ticks limit 1000"
        )
        connection.execute(
            "create temp table days as select row_number() over () as n,"
            f" date '2023-12-31' - range::integer as date from range({files})"
        )
        for n, date in connection.execute("from days").fetchall():
            path = data_dir / "cold" / "market_ticks" / f"date={date}" / f"{n:08d}.parquet"
            path.parent.mkdir(parents=True)
            connection.execute(f"copy one to '{path}' (format parquet)")
        connection.execute(
            "insert into raw.cold_files (file_id, relation, date, folder, path, rows, checksum,"
            " sha256, bytes, min_timestamp, max_timestamp, min_batch_id, max_batch_id,"
            " exported_at, state)"
            " select n, 'market_ticks', date, '',"
            " format('cold/market_ticks/date={}/{:08d}.parquet', date, n), 1000, '', '', 1, date,"
            " date, 1, 1, date, 'local' from days"
        )
        make_cold_view(connection, data_dir)
        query = (
            "select * from (select *, timestamp::date as date from raw.market_ticks"
            " union all by name from cold.market_ticks)"
            " where symbol = 'SYM07' and timestamp >= timestamp '2024-01-01 23:00:00'"
        )
        return median_ms(lambda: connection.sql(query).to_arrow_table(), 31)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        none, many = recent(folder, 0), recent(folder, 1000)
        found: dict[str, float] = {
            "rows": rows,
            "recent_without_files_ms": round(none, 1),
            "recent_with_1000_files_ms": round(many, 1),
            "recent_with_1000_files_more_ms": round(many - none, 1),
            "market_bytes_per_tick": round(market_bytes(folder), 1),
            **exports(folder, rows),
        }
    many_files = found["recent_without_files_ms"] + GOALS["recent_with_1000_files_more_ms"]
    save(
        "retention",
        [
            Row(
                "export of five days",
                found["export_seconds"],
                found["bare_copy_seconds"],
                "a bare copy",
                rows,
                GOALS["export_against_bare_copy"],
            ),
            Row(
                "bytes a cold tick, simulated market",
                found["market_bytes_per_tick"],
                GOALS["cold_bytes_per_tick"],
                "goal, 480 MB for 20 million",
                MARKET,
                1,
            ),
            Row(
                "bytes a cold tick, all random",
                found["cold_bytes_per_tick"],
                GOALS["cold_bytes_per_tick"],
                "goal, 480 MB for 20 million",
                rows,
                1,
                f"{found['warm_bytes_per_tick']} while warm",
            ),
            Row(
                "a symbol's day from Parquet",
                found["cold_symbol_day_ms"] / 1000,
                GOALS["cold_symbol_day_ms"] / 1000,
                "goal, 100 ms",
                rows,
                1,
            ),
            Row(
                "a recent hour beside 1,000 cold files",
                found["recent_with_1000_files_ms"] / 1000,
                many_files / 1000,
                "goal, 15 ms more than beside none",
                200_000,
                1,
            ),
        ],
    )


if __name__ == "__main__":
    main()
