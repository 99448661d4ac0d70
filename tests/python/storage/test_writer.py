import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from python_ingest.errors import DatabaseBusyError, IngestError
from python_ingest.settings import Settings, load_settings
from python_ingest.storage import writer
from python_ingest.storage.process_lock import HeldError, is_locked
from python_ingest.storage.writer import open_writer, transaction

HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


def hold(path: Path) -> subprocess.Popen:
    """Another process that has the file open until its stdin is closed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline().strip() == b"held"
    return process


def test_sessions_run_in_utc_with_the_configured_limits(settings, monkeypatch):
    monkeypatch.setenv("DATABASE_NUM_THREADS", "3")
    with open_writer(load_settings()) as connection:
        row = connection.execute(
            "select current_setting('TimeZone'), current_setting('threads')"
        ).fetchone()
    assert row == ("UTC", 3)


def test_a_transaction_that_raises_leaves_nothing(settings):
    with open_writer(settings) as connection:
        connection.execute("create table t (a integer)")
        with pytest.raises(duckdb.ConversionException), transaction(connection):
            connection.execute("insert into t values (1); select 'x'::integer")
        with transaction(connection):
            connection.execute("insert into t values (2)")
        assert connection.execute("from t").fetchall() == [(2,)]


def test_a_busy_file_is_named_with_its_holder_after_the_timeout(settings, monkeypatch):
    monkeypatch.setenv("DATABASE_CONNECTION_TIMEOUT_MS", "200")
    other = hold(settings.database_path)
    try:
        with (
            pytest.raises(DatabaseBusyError, match=f"process {other.pid} .*200 ms"),
            open_writer(load_settings()),
        ):
            pass
    finally:
        other.communicate()


def test_waits_begin_short_and_end_in_time(settings, monkeypatch):
    def held():
        raise HeldError("1")

    waits = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: sum(waits))
    monkeypatch.setattr(time, "sleep", waits.append)
    with pytest.raises(DatabaseBusyError, match="500 ms"):
        writer._waiting(settings, 500, held)
    assert 0 < waits[1] < 0.1
    assert sum(waits) == pytest.approx(0.5)


def test_a_writer_waits_for_the_one_before_it(settings, monkeypatch):
    monkeypatch.setenv("DATABASE_CONNECTION_TIMEOUT_MS", "60000")
    other = hold(settings.database_path)
    release = threading.Timer(0.3, other.communicate)
    release.start()
    with open_writer(load_settings()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    release.join()


WAIT = """
import pathlib, sys
from python_ingest.settings import load_settings
from python_ingest.storage.writer import sole_process
with sole_process(load_settings(), 600_000):
    pathlib.Path(sys.argv[1]).touch()
"""


def until_it_waits(settings: Settings) -> None:
    turn = settings.database_path.with_name("trading.duckdb.turn")
    ends = time.monotonic() + 60
    while not is_locked(turn):
        assert time.monotonic() < ends, "nobody waits"
        time.sleep(0.01)


def test_whoever_waits_comes_before_the_one_who_had_it(settings, tmp_path):
    had = tmp_path / "had"
    with writer.sole_process(settings):
        other = subprocess.Popen([sys.executable, "-c", WAIT, str(had)])
        until_it_waits(settings)
    with writer.sole_process(settings, 600_000):  # at once, as a stream that lags behind
        assert had.exists()
    assert other.wait() == 0


def test_who_has_it_is_named_to_the_second_who_waits_too(settings, tmp_path):
    with writer.sole_process(settings):
        other = subprocess.Popen([sys.executable, "-c", WAIT, str(tmp_path / "had")])
        until_it_waits(settings)
        third = subprocess.run(
            [sys.executable, "-c", WAIT.replace("600_000", "100"), str(tmp_path / "third")],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
    assert f"process {os.getpid()} " in third.stderr
    assert other.wait() == 0


@pytest.mark.parametrize("folder", ["data", "blocks"])
def test_a_file_that_is_no_database_says_so(settings, folder):
    path = settings.data_dir.parent / folder / "trading.duckdb"
    settings = settings.model_copy(update={"database_path": path})
    path.parent.mkdir(parents=True)
    path.write_text("not a database, but long enough to have a header" * 400)
    with (
        pytest.raises(IngestError, match=r"trading\.duckdb: cannot be opened"),
        open_writer(settings),
    ):
        pass


def test_two_writers_in_one_process_share_the_file(settings):
    with open_writer(settings) as first, open_writer(settings) as second:
        first.execute("create table t as select 1 as a")
        assert second.execute("from t").fetchall() == [(1,)]
    with duckdb.connect(str(settings.database_path), read_only=True) as reader:
        assert reader.execute("from t").fetchall() == [(1,)]


class _WithoutRoom:
    """An engine that finds no room for the checkpoint with which it lets a file go."""

    def __init__(self) -> None:
        self.engine = duckdb.connect()

    def execute(self, sql: str, *values: object) -> duckdb.DuckDBPyConnection:
        self.engine.execute(sql, *values)
        if sql.startswith("detach"):
            raise duckdb.IOException("Detached database 'd', but CHECKPOINT during DETACH failed.")
        return self.engine

    def __getattr__(self, name: str) -> object:
        return getattr(self.engine, name)


def test_what_is_committed_is_no_failure_where_the_disk_is_full_then(settings):
    engine = _WithoutRoom()
    with open_writer(settings, engine=engine) as connection:
        connection.execute("create table t as select 1 as n")
    with open_writer(settings) as connection:
        assert connection.execute("from t").fetchall() == [(1,)]
    engine.execute("select 1")  # it goes on
