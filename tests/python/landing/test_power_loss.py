"""The machine stops at a random moment: what the disk holds then opens, and landing goes on.

The loader is stopped (SIGSTOP) while the data folder is copied, so that the copy is one moment. A
file that was being written and not yet flushed may be cut: such tails are cut off in the copy.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from python_ingest.landing.land import land_files, land_pending
from python_ingest.settings import load_settings

INGEST = [sys.executable, "-c", "from python_ingest.cli.main import main; main()"]
# Stops itself after its n-th commit: before the database is closed, when there is a write-ahead
# log, or after that, when there is none.
STOPPED = [
    sys.executable,
    "-c",
    """
import os, signal, sys
from python_ingest.cli.main import main
from python_ingest.landing import land, spool
module, name = (land, "land_segment") if sys.argv.pop(1) == "log" else (spool, "landed")
left, real = int(sys.argv.pop(1)), getattr(module, name)

def stopping(*args):
    global left
    left -= 1
    result = real(*args) if module is land else None
    if not left:
        os.kill(os.getpid(), signal.SIGSTOP)
    return real(*args) if module is spool else result

setattr(module, name, stopping)
main()
""",
]
FILES, ROWS = 12, 300


def make(folder: Path) -> list[Path]:
    """Files of every way into the spool; each shares half of its rows with the one before."""
    paths = []
    for number in range(FILES):
        csv = folder / f"{number:02d}.csv"
        lines = ["exchange,symbol,timestamp,last_price,last_size,trade_id"]
        lines += [
            f"x,s{n % 7},2024-01-02T00:00:00.{n % 1000:03d}Z,1.5,2,{n}"
            for n in range(number * ROWS // 2, number * ROWS // 2 + ROWS)
        ]
        lines.append(f"x,s,never,1,1,bad{number}")
        csv.write_text("\n".join(lines) + "\n")
        if number % 2:
            path = csv.with_suffix(".parquet")
            frame = pl.read_csv(csv, infer_schema=False).with_columns(
                pl.col("timestamp")
                .str.strip_chars("Z")
                .str.to_datetime(time_unit="us", strict=False),
                pl.col("last_price", "last_size").str.to_decimal(scale=8).cast(pl.Decimal(18, 8)),
            )
            frame.write_parquet(path)
            paths.append(path)
        else:
            paths.append(csv)
    return paths


def copied_at(source: Path, target: Path, rng: random.Random) -> bool:
    """Copy what the disk holds; return whether the database had a write-ahead log."""
    shutil.copytree(source, target, symlinks=True)
    for path in target.rglob("*"):
        if path.is_file() and "tmp" in path.relative_to(target).parts and rng.random() < 0.5:
            os.truncate(path, rng.randint(0, path.stat().st_size))  # never flushed
    return (target / "trading.duckdb.wal").exists()


def moments(tmp_path: Path, count: int, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    paths = make(tmp_path)
    longest = 0.0
    for number in range(count + 1):
        data, copy = tmp_path / f"data{number}", tmp_path / f"copy{number}"
        output = tmp_path / "output"
        started = time.monotonic()
        where = {1: "log", 2: "closed"}.get(number % 4)
        command = [*STOPPED, where, str(rng.randint(1, FILES))] if where else INGEST
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*command, "land", "ticks", *map(str, paths), "--json"],
                env={**os.environ, "DATA_DIR": str(data), "OBSERVABILITY_ENABLE_METRICS": "false"},
                stdout=file,
                stderr=subprocess.DEVNULL,
            )
            if not number:  # the first is the measure of how long it takes
                process.wait()
                longest = time.monotonic() - started
                shutil.rmtree(data)
                continue
            if not where:
                time.sleep(rng.uniform(0.2, 1) * longest)
                process.send_signal(signal.SIGSTOP)
            if process.returncode is None:
                os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            acknowledged = [json.loads(line) for line in output.read_text().splitlines()
                            if line.endswith("}")]  # fmt: skip
            if data.exists():
                has_log = copied_at(data, copy, rng)
                assert not where or has_log == (where == "log")
            process.kill()
            process.wait()
        shutil.rmtree(data, ignore_errors=True)
        check(copy, paths, acknowledged)
        shutil.rmtree(copy, ignore_errors=True)


def check(copy: Path, paths: list[Path], acknowledged: list[dict[str, Any]]) -> None:
    settings = load_settings(copy / "none.toml", {"DATA_DIR": str(copy)})
    if acknowledged:
        with duckdb.connect(str(settings.database_path), read_only=True) as connection:
            found = dict(
                connection.execute(
                    "select sha256, sum(rows_landed)::int from raw.landings group by all"
                ).fetchall()
            )
            rows = connection.execute("select count(*) from raw.market_ticks").fetchone()
        assert sum(one["landed"] for one in acknowledged) <= sum(found.values())
        assert rows == (sum(found.values()),)
    assert {one.state for one in land_pending(settings)} <= {"landed", "already landed"}
    assert {one.state for one in land_files(settings, "ticks", paths)} <= {
        "landed",
        "already landed",
    }
    with duckdb.connect(str(settings.database_path), read_only=True) as connection:
        total = (FILES - 1) * ROWS // 2 + ROWS
        assert connection.execute(
            "select count(*), count(distinct trade_id), min(trade_id::int), max(trade_id::int)"
            " from raw.market_ticks"
        ).fetchall() == [(total, total, 0, total - 1)]
        assert connection.execute(
            "select count(*), count(distinct sha256) from raw.rejected_rows"
        ).fetchall() == [(FILES, FILES)]
        assert connection.execute(
            "select sum(rows_landed), bool_and(rows_read = rows_landed + rows_duplicate"
            " + rows_rejected), count(*) from raw.landings"
        ).fetchall() == [(total, True, FILES)]
    assert not list(settings.spool_dir.glob("*.parquet"))
    assert not list((settings.spool_dir / "tmp").iterdir())


def test_power_is_lost_at_random_moments(tmp_path: Path) -> None:
    moments(tmp_path, 4, seed=1)  # with a log, without one, and twice at any moment


@pytest.mark.slow
def test_power_is_lost_a_hundred_times(tmp_path: Path) -> None:
    moments(tmp_path, 100, seed=2)
