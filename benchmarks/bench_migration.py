"""Extraction against `psql \\copy` of the same rows, and the comparison of both sides.

    python benchmarks/bench_migration.py --rows 2000000 --compared 20000000

`ratio` of the extraction is psql's time over ours: the share of its rate, one job, checks included.
Needs PostgreSQL 15's server (Debian: postgresql-15).
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import psycopg
from postgres import postgres
from table import Row, save

from python_ingest.migration import manifest
from python_ingest.migration.extract import Request, extract
from python_ingest.migration.manifest import Manifest, Part
from python_ingest.migration.ranges import Range
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import open_writer

PROJECT = Path(__file__).parents[1]
TICKS = """
create table market_ticks (
    tick_id bigint primary key, exchange varchar not null, symbol varchar not null,
    timestamp timestamptz not null, bid_price numeric(18, 8), ask_price numeric(18, 8),
    bid_size numeric(18, 8), ask_size numeric(18, 8), last_price numeric(18, 8),
    last_size numeric(18, 8), volume numeric(18, 8), sequence_number bigint,
    conditions varchar[], tape varchar, ingestion_time timestamptz default now(),
    source varchar default 'websocket', correlation_id uuid
)
"""
FILL = """
insert into market_ticks
select i, 'binance', 'SYM' || i % 20, timestamptz '2024-08-08 00:00+00' + i * interval '43 ms',
    case when i % 2 = 0 then 60000 + (i % 1000) / 100.0 end,
    case when i % 2 = 0 then 60001 + (i % 1000) / 100.0 end,
    case when i % 2 = 0 then (i % 977) / 100.0 end, case when i % 2 = 0 then (i % 97) / 10.0 end,
    case when i % 2 = 1 then 60000 + (i % 1000) / 100.0 end,
    case when i % 2 = 1 then (i % 1000) / 100.0 end, null, i,
    case when i % 10 = 0 then array['@', 'T'] end, case when i % 3 = 0 then 'A' end, now(),
    'websocket', case when i % 4 = 0 then gen_random_uuid() end
from generate_series(1, {rows}) i
"""


def settings_in(folder: Path) -> Settings:
    env = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_TEMP_DIRECTORY": str(folder / "temp"),
        "DATABASE_NUM_THREADS": str(os.cpu_count()),
        "DATABASE_MEMORY_LIMIT_MB": "5000",
    }
    return load_settings(folder / "none.toml", env)


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def bench_extraction(work: Path, rows: int, times: int) -> Row:
    with postgres() as dsn:
        os.environ["TIMESCALE_DSN"] = dsn
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(TICKS)
            connection.execute(FILL.format(rows=rows).encode())
            connection.execute("create index on market_ticks (timestamp)")
            connection.execute("vacuum analyze market_ticks")
        settings, target = settings_in(work), work / "ticks.csv"

        def psql() -> None:
            copy = f"\\copy market_ticks to '{target}' csv"
            subprocess.run(["psql", dsn, "-q", "-c", copy], check=True)

        def ours() -> None:
            found = extract(settings, Request("market_ticks"))
            if found.rows != rows:
                raise ValueError(found.rows)

        ours()
        pairs = [(timed(psql), timed(ours)) for _ in range(times)]
    theirs, own = (statistics.median(pair[n] for pair in pairs) for n in (0, 1))
    return Row("extraction of ticks, one job", own, theirs, "psql \\copy", rows, round(1 / 0.7, 2))


def bench_comparison(work: Path, rows: int) -> Row:
    """The same ticks as landed rows and as an extract; the time is that of the dbt model."""
    settings = settings_in(work / "compared")
    folder = manifest.folder_of(settings, "market_ticks")
    folder.mkdir(parents=True)
    with open_writer(settings) as connection:
        migrate(connection)
        connection.execute(f"""
            insert into raw.market_ticks by name
            select 4294967296 + i as tick_id, 1 as batch_id, 'binance' as exchange,
                'SYM' || i % 20 as symbol,
                timestamp '2024-08-08' + to_microseconds(i * 8640) as timestamp, 'trade' as kind,
                (60000 + (hash(i) % 100000) / 100.0)::decimal(18, 8) as last_price,
                ((hash(i + 7) % 1000000) / 100000.0)::decimal(18, 8) as last_size,
                i as sequence_number, ['@'] as conditions, 'websocket' as source,
                now()::timestamp as ingestion_time, 1 as occurrence
            from range({rows}) as t (i)
        """)
        connection.execute(
            "insert into raw.landings (batch_id, kind, file_name, sha256, format, rows_read,"
            " rows_landed, rows_duplicate, rows_rejected, min_timestamp, max_timestamp, landed_at,"
            " duration_ms) values (1, 'ticks', 'bench', 'bench', 'parquet', ?, ?, 0, 0,"
            " timestamp '2024-08-08', timestamp '2024-08-10', now()::timestamp, 1)",
            [rows, rows],
        )
        connection.execute(
            "copy (select tick_id, exchange, symbol, timestamp, last_price, last_size,"
            " sequence_number, conditions from raw.market_ticks)"
            f" to '{folder / 'all.parquet'}' (format parquet, compression zstd)"
        )
        columns = connection.execute(f"describe from '{folder / 'all.parquet'}'").fetchall()
    span = Range(datetime(2024, 8, 8), datetime(2024, 8, 12))
    part = Part(span.start, span.end, "all.parquet", rows, 0, "")
    types = {name: type_ for name, type_, *_ in columns}
    manifest.save(
        folder,
        Manifest(
            "market_ticks", "market_ticks", "timestamp", None, "bench", span.start, None, None,
            (span,), (span,), types, "", (part,), span.end,
        ),
        manifest.FINISHED,
    )  # fmt: skip
    environment = {
        **os.environ,
        "DATA_DIR": str(settings.data_dir),
        "TIMESCALE_DSN": "none",  # nothing connects; it switches the migration models on
        "PYTHONPATH": str(PROJECT),
        "DATABASE_NUM_THREADS": str(os.cpu_count()),
        "DATABASE_MEMORY_LIMIT_MB": "5000",
    }
    target = settings.data_dir / "target"

    def dbt(*arguments: str) -> None:
        command = [str(Path(sys.executable).with_name("dbt")), "--quiet", *arguments]
        paths = ["--target-path", str(target), "--log-path", str(target)]
        subprocess.run([*command, *paths], cwd=PROJECT, env=environment, check=True)

    dbt("seed")
    dbt("run", "--select", "+consistency_buckets")
    seconds = []
    for _ in range(3):
        dbt("run", "--select", "consistency_buckets", "consistency_differences")
        results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
        seconds.append(sum(result["execution_time"] for result in results))
    with duckdb.connect(str(settings.database_path), read_only=True) as connection:
        verdicts = connection.execute(
            "select verdict, sum(duckdb_rows)::bigint from migration.consistency_buckets"
            " where bucket_size = 'hour' group by 1"
        ).fetchall()
    if verdicts != [("match", rows)]:
        raise ValueError(verdicts)
    return Row("comparison per hour and day", statistics.median(seconds), 10, "goal, 10 s", rows, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--compared", type=int, default=20_000_000)
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="bench-migration-"))
    try:
        found = [
            bench_extraction(work, arguments.rows, arguments.times),
            bench_comparison(work, arguments.compared),
        ]
    finally:
        shutil.rmtree(work, ignore_errors=True)
    save("migration", found)


if __name__ == "__main__":
    main()
