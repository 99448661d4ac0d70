"""A warehouse with real landings and the relations that are served; `ingest serve` on it."""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi
import pytest
from testkit import free_port, new_database

from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.kinds import TICKS
from python_ingest.landing.input_files import InputFile
from python_ingest.landing.land import land_pending
from python_ingest.landing.prepare import prepare
from python_ingest.landing.spool import Segment
from python_ingest.publication.publish import publish
from python_ingest.serving.flight_protocol import location, token
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import open_writer

ROOT = Path(__file__).parents[3]
MIDNIGHT = datetime(2026, 1, 5)

# What the dbt models of these names give, where nothing is amended.
RELATIONS = """
create or replace view market_ticks as
    select tick_id, exchange, symbol, timestamp, bid_price, ask_price, bid_size, ask_size,
        last_price, last_size, volume, sequence_number, conditions, tape, ingestion_time, source,
        correlation_id, kind, venue, trade_id, false as is_busted, batch_id,
        timestamp::date as date, aggressor_side, nanoseconds, place
    from raw.market_ticks;
create or replace view landings as select * from raw.landings;
create or replace table latest_ticks as
    select exchange, symbol, max(timestamp) as timestamp,
        arg_max(bid_price, timestamp) filter (where kind = 'quote') as bid_price,
        arg_max(ask_price, timestamp) filter (where kind = 'quote') as ask_price,
        arg_max(bid_size, timestamp) filter (where kind = 'quote') as bid_size,
        arg_max(ask_size, timestamp) filter (where kind = 'quote') as ask_size,
        max(timestamp) filter (where kind = 'quote') as quoted_at,
        arg_max(last_price, timestamp) filter (where kind <> 'quote') as last_price,
        arg_max(last_size, timestamp) filter (where kind <> 'quote') as last_size,
        max(timestamp) filter (where kind <> 'quote') as traded_at
    from raw.market_ticks group by all;
"""

ENDLESS = "select count(*) from range(10000000000) a(i), range(1000) b(j) where i * j % 7 = 3"

# What no client may run, by whatever call it is asked; {data}: DATA_DIR.
FORBIDDEN = [
    "insert into hot.ticks select * from hot.ticks",
    "delete from market_ticks",
    "create table mine as select 1",
    "drop view market_ticks",
    "copy (select 1) to '{data}/cold/out.parquet'",
    "attach '{data}/trading.duckdb' as w",
    "detach trading",
    "set memory_limit = '100GB'",
    "set enable_external_access = true",
    "install httpfs",
    "load httpfs",
    "call pragma_version()",
    "export database '{data}/x'",
    "select 1; drop table hot.ticks",
    "select * from read_csv('{data}/../secret.csv')",
    "from '{data}/../secret.csv'",
    "select content from read_text('{data}/serve.token')",
    "from glob('{data}/*')",
    "from read_duckdb('{data}/trading.duckdb')",
    "from parquet_metadata('{data}/x.parquet')",
    "from duckdb_secrets()",
    "from query('drop table hot.ticks')",
    "from enable_logging()",
    "select write_log('mine')",
    "select * from json_execute_serialized_sql('{{}}')",
    "from pool",
    "with a as (from read_blob('/etc/passwd')) select * from a",
    "with a as (copy (select 1) to '{data}/cold/out.parquet') select 1",
    "with a as (insert into hot.ticks select * from hot.ticks) select 1",
    "with a as (update hot.ticks set last_price = 0 returning *) from a",
    "with b as (select 1), a as (delete from hot.ticks returning *) select * from a, b",
    "with a as (truncate hot.ticks) select 1 union all select 2",
    "with a as (with b as (delete from hot.ticks returning *) from b) from a",
    "select (select max(content) from read_text('/etc/hostname'))",
]


def build_and_publish(settings: Settings, others: str = "") -> None:
    """Stand in for `dbt build` and publish; `others`: SQL of more relations."""
    with open_writer(new_database(settings)) as connection:
        connection.execute(RELATIONS + others)
    publish(settings)


def arrive(settings: Settings, rows: list[str], folder: Path, number: int) -> Segment:
    """Make CSV rows (exchange, symbol, timestamp, last_price, last_size, trade_id) a segment."""
    path = folder / f"arrived-{number}.csv"
    header = "exchange,symbol,timestamp,last_price,last_size,trade_id"
    path.write_text("\n".join([header, *rows]) + "\n")
    return prepare(settings, Wanted(TICKS), InputFile(path))


def trade(number: int, *, at: datetime = MIDNIGHT, keyed: bool = True) -> str:
    """One trade; its number gives time, price and, where it is keyed, its id."""
    when = at + timedelta(milliseconds=number)
    return f"binance,BTCUSDT,{when.isoformat()},{100 + number},1,{number if keyed else ''}"


@contextmanager
def serving(port: int, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run `ingest serve` until the block ends; it answers when the block begins."""
    process = subprocess.Popen(
        [sys.executable, "-m", "python_ingest", "serve", *arguments],
        cwd=ROOT,
        env={**os.environ, "SERVE_PORT": str(port), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = []
        last = "page: http" if "--page" in arguments else "serving grpc"
        while not (said and said[-1].startswith(f"{last}://127.0.0.1")):
            said.append(process.stderr.readline())
            assert said[-1], said  # it ended
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextmanager
def served_ticks(folder: Path, others: str = "", *, timeout_ms: int = 5000) -> Iterator[Settings]:
    """Serve ten published ticks, and `others` (SQL of more relations) at the second publication.

    `timeout_ms`: of a query.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR", str(folder / "data"))
        patch.setenv("SERVE_PORT", str(free_port()))
        patch.setenv("DATABASE_QUERY_TIMEOUT_MS", str(timeout_ms))
        patch.setenv("DATABASE_CONNECTION_TIMEOUT_MS", "60000")
        patch.delenv("SERVE_TOKEN", raising=False)
        settings = load_settings()
        build_and_publish(settings)
        arrive(settings, [trade(n) for n in range(10)], folder, 0)
        land_pending(settings)
        build_and_publish(settings, others)
        (settings.data_dir / "cold").mkdir(exist_ok=True)  # the engine may write there
        (folder / "secret.csv").write_text("a\nwhat no client may read\n")
        with serving(settings.serve.port):
            yield settings


@contextmanager
def adbc(settings: Settings, given: str | None = None) -> Iterator[Any]:
    """Connect as an analyst's tool does; `given`: another token."""
    header = {"adbc.flight.sql.authorization_header": f"Bearer {given or token(settings)}"}
    with adbc_driver_flightsql.dbapi.connect(
        location(settings), db_kwargs=header, autocommit=True
    ) as connection:
        yield connection


def open_publications(process: int | str = "self") -> int:
    """How many published files a process holds open; what a failure left is collected before."""
    gc.collect()
    links = [link for link in Path(f"/proc/{process}/fd").iterdir() if link.is_symlink()]
    return sum("published" in str(link.readlink()) for link in links)


def resident_mb(process: int | str = "self") -> float:
    """Memory of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
