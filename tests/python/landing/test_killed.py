"""Whatever is killed, full, locked or cut: every acknowledged row is there exactly once."""

import gzip
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from testkit import held

from python_ingest.landing.land import land_files, land_pending
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
INGEST = [sys.executable, "-c", "from python_ingest.cli.main import main; main()"]


def trades(start: int, count: int) -> str:
    lines = ["exchange,symbol,timestamp,last_price,last_size,trade_id"]
    lines += [f"x,s{n % 7},2024-01-02T00:00:00.{n % 1000:03d}Z,1.5,2,{n}"
              for n in range(start, start + count)]  # fmt: skip
    return "\n".join(lines) + "\n"


def quotes(count: int) -> str:
    """Identical rows without an id: all are real."""
    return "exchange,symbol,timestamp,bid_price\n" + "x,q,2024-01-02T00:00:00Z,1\n" * count


def environment(settings: Settings, **more: str) -> dict[str, str]:
    return {**os.environ, "DATA_DIR": str(settings.data_dir), "TERM": "dumb", **more}


def check(settings: Settings, rows: Rows, trade_count: int, quote_count: int) -> None:
    """Exactly once, manifest and rows agree, nothing waits, nothing unfinished lies about."""
    assert rows("select count(*), count(distinct trade_id) from raw.market_ticks"
                " where trade_id is not null") == [(trade_count, trade_count)]  # fmt: skip
    assert rows("select count(*), coalesce(max(occurrence), 0) from raw.market_ticks"
                " where trade_id is null") == [(quote_count, quote_count)]  # fmt: skip
    assert rows("select count(*) from raw.market_ticks as t left join raw.landings as l"
                " using (batch_id) where l.batch_id is null") == [(0,)]  # fmt: skip
    assert rows("select coalesce(sum(rows_landed), 0) from raw.landings where kind = 'ticks'") == [
        (trade_count + quote_count,)
    ]
    assert list(settings.spool_dir.glob("*.parquet")) == []
    assert list((settings.spool_dir / "tmp").iterdir()) == []


def kill_rounds(settings: Settings, rows: Rows, tmp_path: Path, rounds: int, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    files = [tmp_path / "trades.csv", tmp_path / "quotes.csv"]
    longest = 1.0
    acknowledged = 0
    for number in range(rounds):
        files[0].write_text(trades(number * 500, 1000))  # half of it was in the round before
        files[1].write_text(quotes(300 + number))
        started = time.monotonic()
        process = subprocess.Popen(
            [*INGEST, "land", "ticks", *map(str, files), "--json"],
            env=environment(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if number > 0:  # the first round is the measure of how long it takes
            time.sleep(rng.uniform(0.3, 1.1) * longest)
            os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        if number == 0:
            longest = time.monotonic() - started
        for line in output.decode().splitlines():
            result = json.loads(line)
            assert result["state"] == "landed"
            acknowledged += result["landed"]
    found = rows("select count(*), sum(rows_landed) from raw.landings where kind = 'ticks'")
    assert found[0][1] >= acknowledged > 0
    land_pending(settings)
    results = land_files(settings, "ticks", files)
    assert {result.state for result in results} <= {"landed", "already landed"}
    # the rounds that were killed before anything was durable are landed now
    for number in range(rounds):
        files[0].write_text(trades(number * 500, 1000))
        land_files(settings, "ticks", files[:1])
    check(settings, rows, rounds * 500 + 500, 300 + rounds - 1)


def test_kill_at_random_moments(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    kill_rounds(settings, rows, tmp_path, rounds=10, seed=1)


@pytest.mark.slow
def test_kill_two_hundred_times(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    kill_rounds(settings, rows, tmp_path, rounds=200, seed=2)


@pytest.mark.parametrize("limit", [0, 1000, 20_000, 200_000, 700_000])
def test_disk_full(settings: Settings, rows: Rows, tmp_path: Path, limit: int) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(trades(0, 10))
    land_files(settings, "ticks", [first])
    second.write_text(trades(10, 50_000))
    done = subprocess.run(
        [*INGEST, "land", "ticks", str(second)],
        env=environment(settings),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") == 1
        assert "the disk is full: " in done.stderr
        assert "free space and run again" in done.stderr
        assert "exception_type" not in done.stderr
        assert rows("select count(*) from raw.market_ticks") == [(10,)]
    land_pending(settings)
    land_files(settings, "ticks", [second])
    check(settings, rows, 50_010, 0)


def test_locked_database_spools_and_pending_lands(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(trades(0, 10))
    land_files(settings, "ticks", [path])
    path.write_text(trades(5, 10))
    with duckdb.connect(str(settings.database_path)):
        started = time.monotonic()
        done = subprocess.run(
            [*INGEST, "land", "ticks", str(path)],
            env=environment(settings, DATABASE_CONNECTION_TIMEOUT_MS="300"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert time.monotonic() - started >= 0.3
        assert (done.returncode, "spooled" in done.stdout) == (0, True), done
        assert f"PID {os.getpid()}" in done.stdout or f"process {os.getpid()}" in done.stdout
    path.unlink()
    done = subprocess.run(
        [*INGEST, "land", "--pending"],
        env=environment(settings, OBSERVABILITY_ENABLE_METRICS="false"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "10 read = 5 landed + 5 duplicate + 0 rejected" in done.stdout
    check(settings, rows, 15, 0)


def test_two_loaders_on_one_file(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    paths = [tmp_path / "a.csv", tmp_path / "q.csv"]
    paths[0].write_text(trades(0, 20_000))
    paths[1].write_text(quotes(500))
    loaders = [
        subprocess.Popen(
            [*INGEST, "land", "ticks", *map(str, paths), "--json"],
            env=environment(settings, DATABASE_CONNECTION_TIMEOUT_MS="60000"),
            stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    outputs = [loader.communicate()[0].decode().splitlines() for loader in loaders]
    assert [loader.returncode for loader in loaders] == [0, 0, 0]
    states = sorted(json.loads(line)["state"] for output in outputs for line in output)
    assert states == ["already landed"] * 4 + ["landed"] * 2
    check(settings, rows, 20_000, 500)


def test_two_loaders_of_what_is_pending(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    paths = []
    for number in range(8):
        paths.append(tmp_path / f"{number}.csv")
        paths[-1].write_text(trades(number * 10, 10) + f"x,s,never,1,1,bad{number}\n")
    at_once = settings.model_copy(
        update={"pool": settings.pool.model_copy(update={"connection_timeout_ms": 1})}
    )
    with held(settings.database_path):
        results = land_files(at_once, "ticks", paths)
    assert {result.state for result in results} == {"spooled"}
    loaders = [
        subprocess.Popen(
            [*INGEST, "land", "--pending"],
            env=environment(
                settings,
                DATABASE_CONNECTION_TIMEOUT_MS="60000",
                OBSERVABILITY_ENABLE_METRICS="false",
            ),
            stdout=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    assert [loader.wait() for loader in loaders] == [0, 0]
    check(settings, rows, 80, 0)
    assert rows("select count(*) from raw.rejected_rows") == [(8,)]


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet", "ndjson"])
def test_file_cut_at_every_tenth(settings: Settings, rows: Rows, tmp_path: Path, form: str) -> None:
    count = 1000
    whole = tmp_path / f"whole.{form}"
    text = trades(0, count)
    if form == "csv":
        whole.write_text(text)
    elif form == "csv.gz":
        whole.write_bytes(gzip.compress(text.encode()))
    else:
        source = tmp_path / "source.csv"
        source.write_text(text)
        options = "format parquet" if form == "parquet" else "format json"
        duckdb.sql(f"copy (from read_csv('{source}', all_varchar = true)) to '{whole}' ({options})")
    content = whole.read_bytes()
    results = []
    for tenth in range(10):
        cut = tmp_path / f"cut{tenth}.{form}"
        cut.write_bytes(content[: len(content) * tenth // 10])
        results += land_files(settings, "ticks", [cut])
    if form == "ndjson":  # whole lines land, the cut one is kept aside
        assert {r.rejected for r in results[1:]} <= {0, 1}
        assert sum(r.rejected for r in results) > 5
    else:
        assert [r.state for r in results] == ["failed"] * 10
        assert all(r.error and "\n" not in r.error for r in results)
    (result,) = land_files(settings, "ticks", [whole])
    assert result.landed + result.duplicate == count
    check(settings, rows, count, 0)


def test_killed_between_commit_and_move_keeps_the_segment_for_backups(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    path = tmp_path / "trades.csv"
    path.write_text(trades(0, 100))
    land_files(settings, "ticks", [path])
    folder = settings.spool_dir / "landed"
    kept = {file.name for file in folder.iterdir()}
    for file in folder.iterdir():  # as if the loader had died before it moved them
        file.rename(settings.spool_dir / file.name)
    (again,) = land_pending(settings)
    assert again.state == "already landed"
    assert {file.name for file in folder.iterdir()} == kept
    check(settings, rows, 100, 0)
