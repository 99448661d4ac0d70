"""Killed, or without room, at any moment: no row is missing, none is double."""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from testkit import ask, asking

from python_ingest.landing.land import land_files
from python_ingest.lifecycle.compaction import compact_database
from python_ingest.lifecycle.merge import merge
from python_ingest.lifecycle.sweep import sweep
from python_ingest.storage.writer import open_writer

from .conftest import ALL_TICKS, export_ticks, make_warehouse, manifest

# Day by day, merge, sweep, compaction: all that deletes, in one process.
WORK = """
from python_ingest.lifecycle.compaction import compact_database
from python_ingest.lifecycle.merge import merge
from python_ingest.lifecycle.sweep import sweep
from python_ingest.settings import load_settings
from tests.python.lifecycle.conftest import export_ticks

settings = load_settings()
print("ready", flush=True)
for before in ("2024-01-02", "2024-01-03", "2024-01-04"):
    export_ticks(settings, before)
merge(settings)
sweep(settings, set())
compact_database(settings, 0.0)
"""
ROWS = 60_000


def start(**more) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", WORK],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **more,
    )


def late_ticks(settings, number: int, folder: Path) -> None:
    """Ticks for all three days that came after their export."""
    path = folder / f"late-{number}.parquet"
    with asking(settings) as connection:
        connection.execute(
            "copy (select * exclude (tick_id, batch_id, ingestion_time, occurrence, nanoseconds,"
            f" place) replace ('late {number}' as symbol) from (select * from raw.market_ticks"
            " union all select * exclude (date) from cold.market_ticks)"
            f" where sequence_number % 1000 = 0 and symbol not like 'late %') to '{path}'"
        )
    (result,) = land_files(settings, "ticks", [path])
    assert (result.landed, result.error) == (ROWS // 1000, None)


def kill_rounds(settings, folder: Path, rounds: int, seed: int) -> None:
    make_warehouse(settings, ROWS, ["A", "B"])
    rng = random.Random(seed)  # noqa: S311
    longest = 1.0
    for number in range(rounds):
        late_ticks(settings, number, folder)
        before = ask(settings, ALL_TICKS)
        process = start()
        process.stdout.readline()
        started = time.monotonic()
        if number:  # the first round is the measure of how long it takes
            time.sleep(rng.uniform(0, 1.1) * longest)
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        longest = longest if number else time.monotonic() - started
        assert ask(settings, ALL_TICKS) == before
    export_ticks(settings, "2024-01-04")
    merge(settings)
    sweep(settings, set())
    assert ask(settings, ALL_TICKS) == before
    assert ask(settings, "select count(*) from raw.market_ticks") == [(0,)]
    named = {path for path, state in manifest(settings, "path, state") if state == "local"}
    cold = settings.data_dir / "cold"
    assert {str(p.relative_to(settings.data_dir)) for p in cold.rglob("*.parquet")} == named
    assert len(named) == 3


def test_killed_ten_times(settings, tmp_path):
    kill_rounds(settings, tmp_path, rounds=10, seed=1)


@pytest.mark.slow
def test_killed_a_hundred_times(settings, tmp_path):
    kill_rounds(settings, tmp_path, rounds=100, seed=2)


@pytest.mark.parametrize("limit", [1000, 100_000, 400_000])
def test_a_full_disk_leaves_warm_whole(settings, limit):
    make_warehouse(settings, ROWS, ["A", "B"])
    before = ask(settings, ALL_TICKS)
    process = start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    _, errors = process.communicate()
    assert process.returncode != 0, errors
    assert ask(settings, ALL_TICKS) == before
    export_ticks(settings, "2024-01-04")
    assert ask(settings, ALL_TICKS) == before


def test_compaction_gives_the_disk_back(settings):
    make_warehouse(settings, 300_000, ["A", "B"])
    export_ticks(settings, "2024-01-04")
    before = ask(settings, ALL_TICKS)
    done = compact_database(settings)
    assert done is not None
    assert done.after < done.before / 2
    assert ask(settings, ALL_TICKS) == before
    assert compact_database(settings) is None
    again = "insert into raw.landings select * from raw.landings where batch_id = 1"
    with open_writer(settings) as connection, pytest.raises(duckdb.ConstraintException):
        connection.execute(again)  # keys are still enforced
