"""What grows with history: landing, the scheduled cycle, reads, memory, size after size.

    python benchmarks/bench_scale.py --rows 20000000 100000000
    python benchmarks/bench_scale.py --rows 20000000 100000000 500000000    # hours, 200 GB of disk

Every size has 2 million ticks a day, so a longer history is more days and not denser ones, and from
20 million on the seven days that stay warm are full. Ratios are against the smallest size: 1 means
that it does not grow. The goal for the memory of each command is 1 GB, at every size.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
from bench_build import ingest, keep_last_hour_back, measured
from table import Row, save

from python_ingest.serving import ReaderPool
from python_ingest.serving.queries import bars, latest_ticks, recent_ticks

PER_DAY = 2_000_000
MEMORY_GOAL = "goal, 1 GB"
UNDATED = "newest 1,000 ticks of a symbol, no date given"
GROWS = {
    "landing, a million ticks": None,
    "cycle, nothing new": 1.25,
    "cycle, one more hour": 1.25,
    "latest tick of all symbols": 1.5,
    "newest 1,000 ticks of a symbol": 1.5,
    "a day of 1m bars of a symbol": 1.5,
    UNDATED: None,
}


def asked(pool: ReaderPool) -> dict[str, Callable[[], object]]:
    """Return the reads by name: as the query functions ask, and once as nobody should."""
    (newest,) = pool.dicts(
        "select exchange, symbol, timestamp from latest_ticks order by 2 limit 1"
    )
    exchange, symbol, last = newest["exchange"], newest["symbol"], newest["timestamp"]
    since = last - timedelta(days=1)
    day = datetime(last.year, last.month, last.day) - timedelta(days=1)
    until = day + timedelta(days=1)
    undated = "select * from market_ticks where symbol = ? order by timestamp desc limit 1000"
    return {
        "latest tick of all symbols": lambda: latest_ticks(pool),
        "newest 1,000 ticks of a symbol": lambda: recent_ticks(pool, exchange, symbol, since=since),
        "a day of 1m bars of a symbol": lambda: bars(
            pool, exchange, symbol, "1m", start=day, end=until
        ),
        UNDATED: lambda: pool.query(undated, [symbol]),
    }


def reads() -> dict[str, float]:
    """Return the median seconds of each read through the pool, of 30."""
    found = {}
    with ReaderPool() as pool:
        for name, read in asked(pool).items():
            times = []
            for _ in range(33):
                started = time.perf_counter()
                read()
                times.append(time.perf_counter() - started)
            found[name] = statistics.median(times[3:])
    return found


def measure(data: Path, rows: int, times: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return seconds by claim, and the peak memory of its command in MB; the best of `times`."""
    os.environ["DATA_DIR"] = str(data)
    days = max(1, rows // PER_DAY)
    demo = data / "demo"
    shape = ["--rows", str(rows), "--symbols", "50", "--days", str(days)]
    ingest("demo", *shape, "--out", str(demo))
    ticks = sorted(demo.glob("ticks_*.parquet"))
    hour = keep_last_hour_back(ticks)
    (last,) = duckdb.sql(f"select max(timestamp)::date from '{hour}'").fetchall()[0]
    as_of = f"{last} 23:59:59"
    ingest("init")
    landing, landing_mb = measured("land", "ticks", *map(str, ticks))
    for path in ticks:
        path.unlink()
    for kind in ("cash", "orders"):
        ingest("land", kind, str(demo / f"{kind}.parquet"))
    _, first_mb = measured("cycle", "--as-of", as_of)
    nothing, nothing_mb = min(measured("cycle", "--as-of", as_of) for _ in range(times))
    ingest("land", "ticks", str(hour))
    more, more_mb = measured("cycle", "--as-of", as_of)
    memory = {
        "landing": landing_mb,
        "the first cycle": first_mb,
        "cycle, nothing new": nothing_mb,
        "cycle, one more hour": more_mb,
    }
    seconds = {
        "landing, a million ticks": landing / rows * 1_000_000,
        "cycle, nothing new": nothing,
        "cycle, one more hour": more,
        **reads(),
    }
    return seconds, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000_000, 100_000_000])
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    sizes = sorted(options.rows)
    found: list[Row] = []
    base: dict[str, float] = {}
    for rows in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-scale-") as folder:
            seconds, memory = measure(Path(folder), rows, options.times)
        base = base or seconds
        found += [
            Row(name, took, base[name], f"{sizes[0]:,} ticks", rows, GROWS[name])
            for name, took in seconds.items()
        ]
        found += [
            Row(f"peak memory of {name}, MB", peak, 1000, MEMORY_GOAL, rows, 1)
            for name, peak in memory.items()
        ]
        save("scale", found)


if __name__ == "__main__":
    main()
