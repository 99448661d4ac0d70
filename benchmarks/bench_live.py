"""From receipt to visible: how long after ticks and fills arrive a client sees bar and position.

    python benchmarks/bench_live.py --rows 20000000

`ingest demo` makes the market, which is landed, built and published. Then, each second, 10,000
ticks and 50 fills become segments of the spool, as `ingest stream` writes them, and a client asks
`ingest serve` until it sees the newest of both. The build in memory shares the cores with all else.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
from bench_build import AS_OF, PROJECT, ingest
from bench_reads import percentile
from bench_serve import free_port, serving
from table import Row, save

from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.prepare import prepare
from python_ingest.serving.served import ServedReader
from python_ingest.settings import Settings, load_settings

TICKS, FILLS = 10_000, 50
BEGIN = datetime(2025, 1, 10, 22)
SQL = {
    "ohlcv_bars": "select close = {n} as seen from ohlcv_bars where exchange = 'bench'"
    " and symbol = 'S0' and timeframe = '1m' order by timestamp desc limit 1",
    "current_positions": "select quantity = {n} * 50 as seen from current_positions"
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
            prepare(settings, Wanted(KINDS[kind]), path)
            path.unlink()


def measure(settings: Settings, folder: Path, seconds: int) -> dict[str, list[float]]:
    """Return the seconds from receipt to visible, by relation."""
    found: dict[str, list[float]] = {relation: [] for relation in SQL}
    with ServedReader(settings) as reader:
        for number in range(1, seconds + 1):
            began = time.perf_counter()
            arrive(settings, folder, number)
            waiting = dict(SQL)
            while waiting and time.perf_counter() - began < 60:
                for relation, sql in list(waiting.items()):
                    if any(row["seen"] for row in reader.dicts(sql.format(n=number))):
                        found[relation].append(time.perf_counter() - began)
                        del waiting[relation]
                time.sleep(0.02)
            if waiting:
                note = (reader.query("select 1").schema.metadata or {}).get(b"live", b"not live")
                raise SystemExit(f"{', '.join(waiting)}: second {number} is not shown: {note!r}")
            time.sleep(max(0.0, 1 - (time.perf_counter() - began)))
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-live-") as folder:
        os.environ["DATA_DIR"] = folder
        os.environ["SERVE_PORT"] = str(free_port())
        os.environ.pop("DATABASE_PATH", None)
        os.chdir(PROJECT)
        prepared(Path(folder), options.rows)
        settings = load_settings()
        with serving():
            found = measure(settings, Path(folder), options.seconds)
    save(
        "live",
        [
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
        ],
    )


if __name__ == "__main__":
    main()
