"""Landing against bare DuckDB: canonical Parquet, recorded Binance lines, the stream, memory.

    python benchmarks/bench_landing.py --rows 2000000
    python benchmarks/bench_landing.py --rows 20000000 --only parquet

The stream's `seconds` is the 95th percentile from receipt to durable.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from table import Row, save
from websockets.asyncio.server import ServerConnection, serve

from python_ingest.landing.land import land_files
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import open_writer, session_config
from python_ingest.streaming.exchanges import EXCHANGES
from python_ingest.streaming.stream import Stream


def settings_in(folder: Path) -> Settings:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    env = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_TEMP_DIRECTORY": str(folder / "temp"),
        "DATABASE_NUM_THREADS": str(os.cpu_count()),
    }
    return load_settings(folder / "none.toml", env)


def make_ticks(path: Path, rows: int, first: int = 0) -> None:
    """Canonical trades of 20 symbols in time order, one day per 10 million."""
    duckdb.connect().execute(f"""
        copy (
            select 'binance' as exchange, 'SYM' || (i % 20) as symbol,
                timestamp '2024-08-08' + to_microseconds(i * 8640) as timestamp,
                (60000 + (hash(i) % 100000) / 100.0)::decimal(18, 8) as last_price,
                ((hash(i + 7) % 1000000) / 100000.0)::decimal(18, 8) as last_size,
                i as sequence_number, i::varchar as trade_id, 'trade' as kind
            from range({first}, {first + rows}) as t (i)
        ) to '{path}' (format parquet, compression zstd)
    """)


def alternating(
    ours: Callable[[], float], bare: Callable[[], float], times: int
) -> tuple[float, float]:
    pairs = [(ours(), bare()) for _ in range(times)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def bare_insert(settings: Settings, select: str) -> float:
    with open_writer(settings) as connection:
        migrate(connection)

    def insert() -> None:
        path = str(settings.database_path)
        with duckdb.connect(path, config=session_config(settings)) as connection:
            connection.execute(f"insert into raw.market_ticks {select}")

    return timed(insert)


def bench_parquet(work: Path, rows: int, times: int) -> list[Row]:
    source, second, full = work / "ticks.parquet", work / "more.parquet", work / "full.parquet"
    make_ticks(source, rows)
    settings = settings_in(work / "first")
    land_files(settings, "ticks", [source])
    with duckdb.connect(str(settings.database_path)) as connection:
        connection.execute(f"copy raw.market_ticks to '{full}' (format parquet, compression zstd)")
    make_ticks(second, max(rows // 10, 1), first=rows)
    found = []

    def land(path: Path, into: Settings) -> float:
        (result,) = land_files(into, "ticks", [path])
        assert result.state == "landed", result  # noqa: S101
        return result.seconds

    seconds, bare = alternating(
        lambda: land(source, settings_in(work / "ours")),
        lambda: bare_insert(settings_in(work / "bare"), f"from read_parquet('{full}')"),
        times,
    )
    found.append(row("canonical Parquet into an empty table", rows, seconds, bare, goal=1 / 0.8))
    # one tenth more on top, of the same days and symbols, and a file that repeats half
    more = rows // 10
    part = f"from read_parquet('{full}') limit {more}"
    filled = settings_in(work / "filled")
    land(source, filled)
    found.append(
        row(
            f"a tenth more on top of {rows:,} of the same days",
            more,
            land(second, filled),
            bare_insert(settings_in(work / "bare"), part),
        )
    )
    again = work / "again.parquet"
    make_ticks(again, more, first=rows - more // 2)
    from_rest = work / "rest.parquet"
    duckdb.sql(f"select *, 'rest' as source from '{again}'").write_parquet(str(from_rest))
    for name, path in (
        ("the same once more, all duplicates", again),
        ("and from REST, which confirms each of them", from_rest),
    ):
        result = land_files(filled, "ticks", [path])[0]
        assert (result.landed, result.duplicate) == (0, more), result  # noqa: S101
        bare = bare_insert(settings_in(work / "bare"), part)
        found.append(row(name, more, result.seconds, bare))
    return found


def row(name: str, rows: int, seconds: float, baseline: float, *, goal: float | None = None) -> Row:
    return Row(name, seconds, baseline, "bare DuckDB", rows, goal, f"{rows / seconds:,.0f} rows/s")


def bench_lines(work: Path, rows: int, times: int) -> list[Row]:
    path = work / "binance.ndjson"
    lines = 0
    with path.open("w") as file:
        while lines < rows:
            clock = 1723161253937085768 + lines * 1000
            kind = "trade" if lines % 4 == 0 else "bookTicker"
            data = (
                f'{{"e":"trade","E":{clock // 1000000},"s":"BTCUSDT","t":{lines},'
                f'"p":"61837.63000000","q":"0.02000000","T":{clock // 1000000},"m":true,"M":true}}'
                if kind == "trade"
                else f'{{"u":{lines},"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000",'
                '"a":"61837.64000000","A":"1.54698000"}'
            )
            file.write(f'{clock} {{"stream":"btcusdt@{kind}","data":{data}}}\n')
            lines += 1

    def ours() -> float:
        (result,) = land_files(settings_in(work / "ours"), "ticks", [path])
        assert result.landed == rows, result  # noqa: S101
        return result.seconds

    def bare() -> float:
        columns = ", ".join(f"'$.data.{c}'" for c in "estpqTubBaA")
        with duckdb.connect(str(settings_in(work / "bare").data_dir) + ".duckdb") as connection:
            return timed(
                lambda: connection.execute(f"""
                    create table t as select json_extract_string(
                        substr(line, 21), [{columns}]) as v
                    from read_csv('{path}', columns = {{'line': 'VARCHAR'}}, delim = '\x01',
                        quote = '', escape = '', header = false, auto_detect = false)
                """)
            )

    seconds, baseline = alternating(ours, bare, times)
    return [row("recorded Binance lines", rows, seconds, baseline)]


def bench_csv(work: Path, rows: int, times: int) -> list[Row]:
    """Vendors' CSV by their declarations against the same ticks in canonical CSV."""
    connection = duckdb.connect()
    connection.execute(f"""
        create table ticks as
        select i as id, (60000 + (hash(i) % 100000) / 100.0)::decimal(18, 8) as price,
            ((hash(i + 7) % 1000000) / 100000.0)::decimal(18, 8) as size,
            1723075200000 + i // 25 as time
        from range({rows}) as t (i)
    """)
    files = {
        "canonical.csv": """
            select 'binance' as exchange, 'BTCUSDT' as symbol,
                make_timestamp(time * 1000) as timestamp, price as last_price, size as last_size,
                id as sequence_number, id as trade_id, 'trade' as kind, 'backfill' as source
            from ticks""",
        "BTCUSDT-trades-2024-08-08.csv": """
            select id, price, size as qty, 0.0 as quote_qty, time, 'True' as is_buyer_maker,
                'True' as is_best_match
            from ticks""",
        # a quoted field, nanoseconds and joined columns
        "2024-08-08.csv": """
            select 'AAPL' as ticker, case when id % 3 = 0 then '12,37' else '37' end as conditions,
                0 as correction, 11 as exchange, id, time * 1000000 + id % 25 as
                participant_timestamp, price, id as sequence_number,
                time * 1000000 + id % 25 as sip_timestamp, size, 3 as tape, 0 as trf_id,
                0 as trf_timestamp
            from ticks""",
    }
    for name, sql in files.items():
        connection.execute(f"copy ({sql}) to '{work / name}' (header)")

    def land(name: str) -> float:
        (result,) = land_files(settings_in(work / "csv"), "ticks", [work / name])
        assert (result.landed, result.rejected) == (rows, 0), result  # noqa: S101
        return result.seconds

    found = []
    canonical, *declared = files
    for name in declared:
        seconds, baseline = alternating(lambda: land(name), lambda: land(canonical), times)  # noqa: B023
        what = f"a vendor's CSV by declaration: {name}"
        text = f"{rows / seconds:,.0f} rows/s"
        found.append(Row(what, seconds, baseline, "canonical CSV", rows, 1 / 0.7, text))
    return found


def bench_stream(work: Path, per_second: int, seconds: int) -> list[Row]:
    found = []
    for size in (1000, 1):
        settings = settings_in(work / "stream")
        rate = per_second if size > 1 else 50_000
        server = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(rate), str(size), str(seconds)],
            stdout=subprocess.PIPE,
        )
        assert server.stdout is not None  # noqa: S101
        port = int(server.stdout.readline())

        async def run(settings: Settings = settings, port: int = port) -> tuple[float, int, float]:
            url = f"ws://127.0.0.1:{port}/x"
            stream = Stream(settings, EXCHANGES["binance"], ["BTCUSDT"], url=url)
            stream.totals.oldest_delay_seconds.clear()
            running = asyncio.create_task(stream.run())
            started = time.perf_counter()
            while time.perf_counter() - started < seconds + 4:
                await asyncio.sleep(0.1)
            stream.stop()
            totals = await running
            delays = sorted(totals.oldest_delay_seconds)
            return delays[int(len(delays) * 0.95)], totals.landed, max(delays)

        p95, landed, _ = asyncio.run(run())
        server.wait()
        found.append(
            Row(
                f"stream in frames of {size}: p95 from receipt to durable",
                p95,
                0.3,
                "goal, 0.3 s",
                landed,
                1,
                f"{landed // seconds:,} ticks/s sustained",
            )
        )
    return found


async def replay(per_second: int, size: int, seconds: int) -> None:
    """Serve numbered trades at a rate, then stay until the client leaves."""

    async def handle(connection: ServerConnection) -> None:
        number, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < seconds:
            while number < passed * per_second:
                now = int(time.time() * 1000)
                messages = [
                    b'{"e":"trade","E":%d,"s":"BTCUSDT","t":%d,"p":"61837.63000000",'
                    b'"q":"0.02000000","T":%d,"m":true,"M":true}' % (now, n, now)
                    for n in range(number, number + size)
                ]
                number += size
                frame = b"[" + b",".join(messages) + b"]" if size > 1 else messages[0]
                await connection.send(frame, text=True)
            await asyncio.sleep(0.001)
        await connection.wait_closed()
        done.set()

    done = asyncio.Event()
    async with serve(handle, "127.0.0.1", 0, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await done.wait()


def bench_memory(work: Path, rows: int) -> list[Row]:
    """Peak memory of a process that lands, for Parquet and for lines of NDJSON."""
    found = []
    parquet, ndjson = work / "m.parquet", work / "m.ndjson.gz"
    make_ticks(parquet, rows)
    duckdb.sql(f"copy (from '{parquet}' limit {rows // 4}) to '{ndjson}' (format json, "
               "compression gzip)")  # fmt: skip
    for path, count in ((parquet, rows), (ndjson, rows // 4)):
        settings = settings_in(work / "memory")
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, __file__, "--land", str(path), str(settings.data_dir)],
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(
            Row(
                f"a process that lands {path.name}",
                time.perf_counter() - started,
                count / 100_000,
                "goal, 100,000 rows/s",
                count,
                1,
                f"peak memory {json.loads(done.stdout):,} MB",
            )
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--stream-seconds", type=int, default=15)
    parser.add_argument("--only", default="parquet,lines,csv,stream,memory")
    parser.add_argument("--serve", nargs=3, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--land", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        asyncio.run(replay(*args.serve))
        return
    if args.land:
        settings = load_settings(Path("none.toml"), {"DATA_DIR": args.land[1]})
        (result,) = land_files(settings, "ticks", [Path(args.land[0])])
        assert result.state == "landed", result  # noqa: S101
        # not getrusage: its maximum is inherited from the process that started this one
        status = Path("/proc/self/status").read_text()
        print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
        return
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        work, wanted = Path(folder), args.only.split(",")
        if "parquet" in wanted:
            rows += bench_parquet(work, args.rows, args.times)
        if "lines" in wanted:
            rows += bench_lines(work, args.rows // 2, args.times)
        if "csv" in wanted:
            rows += bench_csv(work, args.rows // 2, args.times)
        if "stream" in wanted:
            rows += bench_stream(work, 100_000, args.stream_seconds)
        if "memory" in wanted:
            rows += bench_memory(work, args.rows)
    save("landing", rows)


if __name__ == "__main__":
    main()
