"""`ingest serve` as a process: Flight SQL by the ADBC driver, the one-call ticket, their goal."""

import argparse
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import adbc_driver_flightsql.dbapi as flight_sql
from bench_reads import SQL, cpu_seconds, percentile, values
from reads_data import make_published
from table import Row, save

from python_ingest.publication.publish import publish
from python_ingest.serving.flight_protocol import location, token
from python_ingest.serving.served import ServedReader
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import open_writer

BY_ID = "order by id"
LARGE = "select * from ohlcv_bars"
# What the hot day reads besides what `make_published` makes.
SERVED = """
create view landings as select * from raw.landings;
create or replace table latest_ticks as
    select exchange, symbol, max(timestamp) as timestamp,
        arg_max(bid_price, timestamp) as bid_price, arg_max(ask_price, timestamp) as ask_price,
        arg_max(bid_size, timestamp) as bid_size, arg_max(ask_size, timestamp) as ask_size,
        null::timestamp as quoted_at,
        arg_max(last_price, timestamp) as last_price, arg_max(last_size, timestamp) as last_size,
        max(timestamp) as traded_at
    from raw.market_ticks group by all;
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving() -> Iterator[int]:
    """Run the server; yield its process id when it answers."""
    command = [sys.executable, "-m", "python_ingest", "serve"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr or ():
            if line.startswith("serving grpc://"):
                break
        else:
            raise RuntimeError("ingest serve ended")
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def connected(settings: Settings) -> Any:
    header = {"adbc.flight.sql.authorization_header": f"Bearer {token(settings)}"}
    return flight_sql.connect(location(settings), db_kwargs=header, autocommit=True)


def texts(params: list[Any]) -> list[Any]:
    return [str(value) if isinstance(value, UUID) else value for value in params]


def timed(ask: Callable[[list[Any]], int], rows: int, repeats: int) -> list[float]:
    """Milliseconds of each query by id, after a warm start."""
    dice = random.Random(0)  # noqa: S311 - the same queries in every run
    times = []
    for turn in range(repeats + 20):
        params = values(BY_ID, rows, dice)
        began = time.perf_counter()
        found = ask(params)
        if found != 1:
            raise ValueError(f"{found} rows for {params}")
        if turn >= 20:
            times.append((time.perf_counter() - began) * 1000)
    return times


def measure(settings: Settings, server: int, rows: int, repeats: int, runs: int) -> list[Row]:
    with ServedReader(settings) as reader, connected(settings) as connection:
        kept = connection.cursor()

        def by_ticket(params: list[Any]) -> int:
            return int(reader.query(SQL[BY_ID], params).num_rows)

        def by_one_cursor(params: list[Any]) -> int:
            kept.execute(SQL[BY_ID], texts(params))
            return int(kept.fetch_arrow_table().num_rows)

        def by_new_cursor(params: list[Any]) -> int:
            with connection.cursor() as cursor:
                cursor.execute(SQL[BY_ID], texts(params))
                return int(cursor.fetch_arrow_table().num_rows)

        def large_by_ticket() -> int:
            return int(reader.query(LARGE).num_rows)

        def large_by_adbc() -> int:
            kept.execute(LARGE)
            return int(kept.fetch_arrow_table().num_rows)

        ways = {"ticket": by_ticket, "one cursor": by_one_cursor, "new cursors": by_new_cursor}
        found: dict[str, list[float]] = {name: [] for name in ways}
        cpu = dict.fromkeys(ways, 0.0)
        large: dict[str, list[float]] = {"ticket": [], "adbc": []}
        bars = 0
        for _ in range(runs):
            for name, ask in ways.items():
                before = cpu_seconds(server) + cpu_seconds(os.getpid())
                found[name] += timed(ask, rows, repeats)
                cpu[name] += cpu_seconds(server) + cpu_seconds(os.getpid()) - before
            for name, work in (("ticket", large_by_ticket), ("adbc", large_by_adbc)):
                began = time.perf_counter()
                bars = work()
                large[name].append(time.perf_counter() - began)
        kept.close()

    def said(name: str) -> str:
        each = cpu[name] / (runs * (repeats + 20)) * 1000
        return f"p99 {percentile(found[name], 0.99):.1f} ms; CPU a query, both sides, {each:.2f} ms"

    p50 = {name: statistics.median(times) / 1000 for name, times in found.items()}
    by, goal = f"{BY_ID}, through ADBC", "goal, 4 ms"
    one, new = p50["one cursor"], p50["new cursors"]
    return [
        Row(f"{by}, one cursor", one, 0.004, goal, rows, 1, said("one cursor")),
        Row(f"{by}, a cursor a query", new, 0.004, goal, rows, None, said("new cursors")),
        Row(f"{by}, one cursor", one, p50["ticket"], "ServedReader", rows, None, said("ticket")),
        Row(
            f"all {bars:,} bars, through ADBC",
            min(large["adbc"]),
            min(large["ticket"]),
            "ServedReader",
            rows,
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as folder:
        os.environ["DATA_DIR"] = folder
        os.environ["SERVE_PORT"] = str(free_port())
        os.environ.pop("DATABASE_PATH", None)
        settings = load_settings()
        make_published(settings, options.rows)
        with open_writer(settings) as connection:
            connection.execute(SERVED)
        publish(settings)
        with serving() as server:
            found = measure(settings, server, options.rows, options.repeats, options.runs)
    save("serve", found)


if __name__ == "__main__":
    main()
