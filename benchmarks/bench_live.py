"""From receipt to visible: how long after ticks and fills arrive a client sees bar and position.

    python benchmarks/bench_live.py --rows 20000000

`ingest demo` makes the market, which is landed, built and published. Then, each second, 10,000
ticks and 50 fills become segments of the spool, as `ingest stream` writes them, and a client asks
`ingest serve` all the time for the newest of both. The build in memory shares the cores with all
else.

    python benchmarks/bench_live.py --clients 20 --publications 1000

`--clients`: a file of a million ticks is landed alone, and beside a server with so many clients,
each of which asks for a bar and a position once a second. `--publications`: the same warehouse is
published so often, and the memory of the server compared with that after the first tenth.
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
from bench_build import AS_OF, PROJECT, ingest
from bench_reads import percentile
from bench_serve import free_port, serving
from table import Row, save

from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.input_files import InputFile
from python_ingest.landing.prepare import prepare
from python_ingest.publication.manifest import read_manifest
from python_ingest.publication.publish import publish
from python_ingest.serving.served import ServedReader
from python_ingest.settings import Settings, load_settings

TICKS, FILLS, LARGE = 10_000, 50, 1_000_000
BEGIN = datetime(2025, 1, 10, 22)
SQL = {
    "ohlcv_bars": "select close as seen from ohlcv_bars where exchange = 'bench'"
    " and symbol = 'S0' and timeframe = '1m' order by timestamp desc limit 1",
    "current_positions": "select quantity / 50 as seen from current_positions"
    " where exchange = 'bench' and symbol = 'S0'",
}


def arrive(settings: Settings, folder: Path, number: int) -> None:
    """Make one second of ticks and fills segments of the spool."""
    at = (BEGIN + timedelta(seconds=number)).isoformat(sep=" ")
    files = {
        "ticks": f"""
            select 'bench' as exchange, 'S' || i % 50 as symbol,
                timestamp '{at}' + to_microseconds(i * 90) as timestamp,
                {number}::decimal(18, 8) as last_price, 1::decimal(18, 8) as last_size,
                ({number} * {TICKS} + i)::varchar as trade_id
            from range({TICKS}) as r(i)
        """,
        "orders": f"""
            select '{number}-' || i as event_id, 'fill' as event_type,
                timestamp '{at}' + to_milliseconds(i) as event_time, '{number}-' || i as order_id,
                '{number}-' || i as client_order_id, 'bench' as exchange, 'S0' as symbol,
                'buy' as side, 'limit' as order_type, 1::decimal(28, 10) as quantity,
                '{number}-' || i as trade_id, 1::decimal(28, 10) as fill_quantity,
                {number}::decimal(28, 10) as fill_price
            from range({FILLS}) as r(i)
        """,
    }
    with duckdb.connect() as connection:
        for kind, sql in files.items():
            path = folder / f"{kind}-{number}.parquet"
            connection.execute(f"copy ({sql}) to '{path}'")
            prepare(settings, Wanted(KINDS[kind]), InputFile(path))
            path.unlink()


def measure(settings: Settings, folder: Path, seconds: int) -> dict[str, list[float]]:
    """Return the seconds from receipt to visible, by relation.

    The stream waits for nobody: what takes longer than a second meets the next one's ticks.
    """
    began: list[float] = []

    def stream() -> None:
        start = time.perf_counter()
        for number in range(1, seconds + 1):
            time.sleep(max(0.0, start + number - 1 - time.perf_counter()))
            began.append(time.perf_counter())
            arrive(settings, folder, number)

    found: dict[str, list[float]] = {relation: [] for relation in SQL}
    with ServedReader(settings) as reader, ThreadPoolExecutor(1) as thread:
        streaming = thread.submit(stream)
        while any(len(times) < seconds for times in found.values()):
            for relation, sql in SQL.items():
                newest = max((int(row["seen"]) for row in reader.dicts(sql)), default=0)
                now, times = time.perf_counter(), found[relation]
                times += [now - began[number] for number in range(len(times), newest)]
            if streaming.done():
                streaming.result()
                if time.perf_counter() - began[-1] > 60:
                    note = (reader.query("select 1").schema.metadata or {}).get(b"live")
                    raise SystemExit(f"the last second is not shown: {note!r}")
            time.sleep(0.02)
    return found


def prepared(data: Path, rows: int, timed: Callable[..., float] = ingest) -> None:
    """Land, build and publish a market; the second cycle restates, so that rows are live."""
    demo = data / "demo"
    timed("demo", "--rows", str(rows), "--symbols", "50", "--days", "5", "--out", str(demo))
    timed("init")
    *ticks, newest = sorted(demo.glob("ticks_*.parquet"))
    timed("land", "ticks", *map(str, ticks))
    for kind, name in (("cash", "cash.parquet"), ("orders", "orders.parquet")):
        timed("land", kind, str(demo / name))
    timed("cycle", "--as-of", AS_OF)
    timed("land", "ticks", str(newest))
    timed("cycle", "--as-of", AS_OF)


def landed(folder: Path, number: int) -> float:
    """Land a million ticks; return the seconds."""
    path = folder / f"large-{number}.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"""
            copy (
                select 'bench' as exchange, 'L' || i % 50 as symbol,
                    timestamp '2025-01-10' + to_microseconds(i * 1000 + {number}) as timestamp,
                    1::decimal(18, 8) as last_price, 1::decimal(18, 8) as last_size,
                    '{number}-' || i as trade_id
                from range({LARGE}) as r(i)
            ) to '{path}'
        """)
    return ingest("land", "ticks", str(path))


@contextmanager
def clients(settings: Settings, number: int) -> Iterator[None]:
    """Let clients ask until the block ends, each once a second."""
    done = threading.Event()

    def ask() -> None:
        with ServedReader(settings) as reader:
            while not done.wait(1):
                for sql in SQL.values():
                    reader.dicts(sql)

    with ThreadPoolExecutor(number) as threads:
        asking = [threads.submit(ask) for _ in range(number)]
        try:
            yield
        finally:
            done.set()
        for each in asking:
            each.result()


def memory_mb(settings: Settings, server: int, publications: int) -> list[float]:
    """Publish again and again; return the server's memory after it opened each one."""
    manifest = read_manifest(settings.data_dir / "dbt" / "manifest.json")
    found = []
    newest = "select max(published_at) as at from publication_status"
    with ServedReader(settings) as reader:
        for _ in range(publications):
            before = reader.dicts(newest)
            publish(settings, manifest=manifest)
            while reader.dicts(newest) == before:
                time.sleep(0.05)
            pages = int(Path(f"/proc/{server}/statm").read_text().split()[1])
            found.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--clients", type=int, default=0)
    parser.add_argument("--publications", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-live-") as folder:
        os.environ["DATA_DIR"] = folder
        os.environ["SERVE_PORT"] = str(free_port())
        os.environ.pop("DATABASE_PATH", None)
        os.chdir(PROJECT)
        prepared(Path(folder), options.rows)
        settings = load_settings()
        rows: list[Row] = []
        alone = landed(Path(folder), 0) if options.clients else 0.0
        with serving() as server:
            found = measure(settings, Path(folder), options.seconds)
            if options.clients:
                with clients(settings, options.clients):
                    beside = landed(Path(folder), 1)
                against = "landing alone; goal, 90 % of its rate"
                name = f"landing beside {options.clients} live clients"
                rows.append(Row(name, beside, alone, against, LARGE, 1 / 0.9))
            if options.publications:
                sizes = memory_mb(settings, server, options.publications)
                first, last = sizes[len(sizes) // 10], sizes[-1]
                name = f"memory of serve after {len(sizes)} publications, GB"
                against = "after the first tenth of them"
                rows.append(Row(name, last / 1000, first / 1000, against, options.rows, 1.1))
    rows += [
        Row(
            f"receipt to visible in {relation}, p95",
            percentile(times, 0.95) / 1000,
            1.0,
            "goal, 1 s",
            options.rows,
            1,
            f"p50 {percentile(times, 0.5):.0f} ms; 10,000 ticks and 50 fills a second",
        )
        for relation, times in (
            (name, [1000 * seconds for seconds in each]) for name, each in found.items()
        )
    ]
    save("live", rows)


if __name__ == "__main__":
    main()
