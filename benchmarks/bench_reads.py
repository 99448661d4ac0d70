"""Fifty readers at once, and one alone: the pool against plain PostgreSQL 15, a writer meanwhile.

Needs PostgreSQL 15's server (Debian: postgresql-15) and psycopg. A TimescaleDB stands beside it
where BENCH_TIMESCALE_DSN names one (postgres.py).
"""

import argparse
import multiprocessing
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from hashlib import md5
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from postgres import servers
from reads_data import END, SYMBOLS, load_postgres, make_published, orders_of, span
from table import Row, save

from python_ingest.serving import ReaderPool
from python_ingest.settings import load_settings
from python_ingest.storage.writer import open_writer, transaction

GOALS_MS = {
    "recent hour, 1000 full rows": 10,
    "30 days of bars": 100,
    "order by id": 0.5,
    "latest tick of all symbols": 0.5,
}
CLIENTS = 50
BATCHES_A_SECOND = 5

SQL = {
    "order by id": "select * from orders where order_id = ?",
    "average of 30 days of 1h bars": (
        "select avg(close) from ohlcv_bars where exchange = 'binance' and symbol = ?"
        " and timeframe = '1h' and timestamp >= ? and timestamp < ?"
    ),
    "recent hour, 1000 full rows": (
        "select * from market_ticks where exchange = 'binance' and symbol = ?"
        " and timestamp >= ? and timestamp <= ? order by timestamp desc limit 1000"
    ),
    "30 days of bars": (
        "select * from ohlcv_bars where exchange = 'binance' and symbol = ?"
        " and timeframe = '1h' and timestamp >= ? and timestamp < ? order by timestamp"
    ),
    "latest tick of all symbols": "select * from latest_ticks",
}
ROWS = {"recent hour, 1000 full rows": 1000, "30 days of bars": 720, "order by id": 1}
MIX = ["order by id"] * 4 + ["average of 30 days of 1h bars"] * 4
MIX += ["recent hour, 1000 full rows"] * 2
ALONE = ["recent hour, 1000 full rows", "latest tick of all symbols", "order by id"]
ALONE += ["30 days of bars"]
FEW_ROWS = {"order by id", "average of 30 days of 1h bars"}

Ask = Callable[[str, list[Any]], int]
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def values(name: str, rows: int, dice: random.Random) -> list[Any]:
    """The values of one query, drawn evenly over instruments, orders and time."""
    if name == "order by id":
        number = dice.randrange(orders_of(rows))
        return [UUID(md5(b"order%d" % number, usedforsecurity=False).hexdigest())]
    if name == "latest tick of all symbols":
        return []
    length = timedelta(hours=1) if name.startswith("recent") else timedelta(days=30)
    earliest = END - (span(rows) if name.startswith("recent") else timedelta(days=60))
    start = earliest + (END - earliest - length) * dice.random()
    return [f"SYM{dice.randrange(SYMBOLS):02d}", start, start + length]


def pool_asker(pool: ReaderPool) -> Ask:
    def ask(name: str, params: list[Any]) -> int:
        if name in FEW_ROWS:
            return len(pool.dicts(SQL[name], params))
        return int(pool.query(SQL[name], params).num_rows)

    return ask


def postgres_asker(dsn: str, *, objects: bool, backends: list[int] | None = None) -> Ask:
    """Without `objects`, the rows stay bytes of the protocol in the client's memory."""
    connection = psycopg.connect(dsn, autocommit=True, prepare_threshold=1)
    cursor = connection.cursor(binary=not objects)
    if backends is not None:
        backends.append(connection.info.backend_pid)

    def ask(name: str, params: list[Any]) -> int:
        cursor.execute(SQL[name].replace("?", "%s"), params)
        return len(cursor.fetchall()) if objects else cursor.rowcount

    return ask


def cpu_seconds(process: int) -> float:
    """What a process has computed so far."""
    after_name = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1]
    user, system = after_name.split()[11:13]
    return (int(user) + int(system)) / TICKS_A_SECOND


def memory_mb() -> dict[str, float]:
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return {
        line.split(":")[0]: int(line.split()[1]) / 1024
        for line in status
        if line.startswith(("VmRSS", "VmHWM"))
    }


def run_clients(kind: str, where: str, rows: int, clients: int, seconds: float) -> dict[str, Any]:
    """Run `clients` threads of the mix; returns [(query, milliseconds)], memory and CPU seconds."""
    times: list[tuple[str, float]] = []
    backends: list[int] = []
    connecting = threading.Lock()
    pool = ReaderPool() if kind == "pool" else None
    start, done = threading.Barrier(clients + 1), threading.Barrier(clients + 1)
    measured = threading.Event()
    end = [0.0]

    def _ask_postgres() -> Ask:
        return postgres_asker(where, objects=kind == "objects", backends=backends)

    def cpu() -> float:
        return sum(cpu_seconds(process) for process in (os.getpid(), *backends))

    def client(number: int) -> None:
        dice = random.Random(number)  # noqa: S311 - the same queries in every run
        with connecting:
            ask = pool_asker(pool) if pool else _ask_postgres()
        for name in MIX:
            ask(name, values(name, rows, dice))
        start.wait()
        while time.perf_counter() < end[0]:
            name = dice.choice(MIX)
            params = values(name, rows, dice)
            began = time.perf_counter()
            found = ask(name, params)
            times.append((name, (time.perf_counter() - began) * 1000))
            if found != ROWS.get(name, found):
                raise ValueError(f"{name}: {found} rows for {params}")
        done.wait()
        measured.wait()

    def client_or_end(number: int) -> None:
        try:
            client(number)
        except BaseException:  # a client that fails must not leave the others waiting for it
            start.abort()
            done.abort()
            raise

    threads = [threading.Thread(target=client_or_end, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    end[0] = time.perf_counter() + 3600
    start.wait()
    before = cpu()
    end[0] = time.perf_counter() + seconds
    done.wait()  # while the connections are there, so are PostgreSQL's processes
    used = cpu() - before
    measured.set()
    for thread in threads:
        thread.join()
    return {"times": times, "memory": memory_mb(), "cpu_seconds": used}


def run_alone(kind: str, where: str, rows: int, repeats: int) -> dict[str, list[float]]:
    """One client, one query after the other; returns the milliseconds of each."""
    dice = random.Random(0)  # noqa: S311 - the same queries in every run
    pool = ReaderPool() if kind == "pool" else None
    ask = pool_asker(pool) if pool else postgres_asker(where, objects=kind == "objects")
    times: dict[str, list[float]] = {name: [] for name in ALONE}
    for turn in range(repeats + 20):
        for name in ALONE:
            params = values(name, rows, dice)
            began = time.perf_counter()
            ask(name, params)
            if turn >= 20:
                times[name].append((time.perf_counter() - began) * 1000)
    if pool:
        times["memory"] = [memory_mb()["VmRSS"]]
    return times


def _write(kind: str, where: str, stop: Any) -> None:
    """Land a thousand ticks at a time, at a fixed pace, until told to stop."""
    if kind == "pool":
        settings = load_settings()
        with open_writer(settings) as connection:
            batch = connection.sql("select * from raw.market_ticks limit 1000").to_arrow_table()
        while not stop.wait(1 / BATCHES_A_SECOND):
            with open_writer(settings) as connection, transaction(connection):
                connection.register("batch", batch)
                connection.execute("insert into raw.market_ticks select * from batch")
        return
    with psycopg.connect(where, autocommit=True) as connection:
        while not stop.wait(1 / BATCHES_A_SECOND):
            connection.execute("insert into market_ticks select * from market_ticks limit 1000")


def in_process(work: Callable[..., Any], *arguments: Any) -> Any:
    """Run `work` in a fresh process while a writer lands rows in another."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    kind, where = arguments[:2]
    writer = context.Process(target=_write, args=(kind, where, stop))
    writer.start()
    try:
        with context.Pool(1) as process:
            return process.apply(work, arguments)
    finally:
        stop.set()
        writer.join()


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def mixed(dsns: dict[str, str], rows: int, seconds: float, runs: int) -> list[Row]:
    """Fifty clients on the pool, then on each server, in turns."""
    asked = {"pool": ("pool", "")} | {
        f"{name}, rows as {kind}": (kind, dsn)
        for name, dsn in dsns.items()
        for kind in ("objects", "bytes")
    }
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in asked}
    for _ in range(runs):
        for name, (kind, dsn) in asked.items():
            found[name].append(in_process(run_clients, kind, dsn, rows, CLIENTS, seconds))
    rate = {
        name: statistics.median(len(r["times"]) / seconds for r in results)
        for name, results in found.items()
    }
    p99 = {
        name: percentile([t for r in results for _, t in r["times"]], 0.99)
        for name, results in found.items()
    }
    # What a query costs on both sides together: a loaded machine changes the rates, not this.
    cpu = {
        name: sum(r["cpu_seconds"] for r in results) / sum(len(r["times"]) for r in results) * 1000
        for name, results in found.items()
    }
    memory = max(r["memory"]["VmRSS"] for r in found.pop("pool"))
    table = []
    for name in found:
        more = f"{rate['pool']:.0f} against {rate[name]:.0f} queries/s;"
        more += f" CPU a query, both sides, {cpu['pool']:.2f} and {cpu[name]:.2f} ms;"
        more += f" resident {memory:.0f} MB"
        all_of = f"{CLIENTS} clients"
        times = 1 / rate["pool"], 1 / rate[name]
        table.append(Row(f"{all_of}, a query", *times, name, rows, 1 / 1.5, more))
        slow = p99["pool"] / 1000, p99[name] / 1000
        table.append(Row(f"{all_of}, 99 % of queries within", *slow, name, rows, 1))
    return table


def alone(dsns: dict[str, str], rows: int, repeats: int) -> list[Row]:
    """One client: against each server, and against the goals."""
    ours = in_process(run_alone, "pool", "", rows, repeats)
    resident = ours.pop("memory")[0]
    mine = {name: statistics.median(ours[name]) / 1000 for name in ALONE}
    table = []
    for server, dsn in dsns.items():
        theirs = in_process(run_alone, "objects", dsn, rows, repeats)
        for name in ALONE:
            p99 = percentile(ours[name], 0.99), percentile(theirs[name], 0.99)
            more = f"p99 {p99[0]:.1f} and {p99[1]:.1f} ms"
            other = statistics.median(theirs[name]) / 1000
            table.append(Row(f"1 client, {name}", mine[name], other, server, rows, None, more))
    for name, goal in GOALS_MS.items():
        said = f"goal, {goal:g} ms"
        table.append(Row(f"1 client, {name}", mine[name], goal / 1000, said, rows, 1))
    table.append(Row("1 client, resident MB", resident, 200, "goal, 200 MB", rows, 1))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-reads-") as folder, servers() as dsns:
        os.environ["DATA_DIR"] = folder
        os.environ.pop("DATABASE_PATH", None)
        settings = load_settings()
        make_published(settings, options.rows)
        for dsn in dsns.values():
            load_postgres(dsn, settings, Path(folder))
        found = mixed(dsns, options.rows, options.seconds, options.runs)
        found += alone(dsns, options.rows, options.repeats)
    print(f"{options.rows:,} ticks; {BATCHES_A_SECOND} batches of 1000 rows a second meanwhile\n")
    save("reads", found)


if __name__ == "__main__":
    main()
