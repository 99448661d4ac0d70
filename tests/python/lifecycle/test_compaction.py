"""Compaction beside others: who stands between opening and locking the file loses nothing."""

import json
import subprocess
import sys
import threading

import pytest
from dbt_process import PROJECT
from pause_point import between_opening_and_locking, is_possible

from python_ingest.errors import DatabaseBusyError
from python_ingest.lifecycle import compaction
from python_ingest.lifecycle.compaction import compact_database
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import identity, open_writer

from .conftest import ALL_TICKS, ask, make_warehouse

FILES = 25
pauses = pytest.mark.skipif(not is_possible, reason="needs Linux's ptrace")

# Lands a file for each line it reads, and says what became of it.
LAND = """
import json, sys
from pathlib import Path
from python_ingest.landing.land import land_files
from python_ingest.settings import load_settings

settings = load_settings()
print("ready", flush=True)
for line in sys.stdin:
    (result,) = land_files(settings, "ticks", [Path(line.strip())])
    print(json.dumps([result.state, result.landed, result.error]), flush=True)
"""
# dbt's own opening of the database, in its main thread.
INSERT = """
import sys
from dbt.adapters.duckdb.credentials import DuckDBCredentials, Retries
from dbt.adapters.duckdb.environments import Environment
print("ready", flush=True)
sys.stdin.readline()
creds = DuckDBCredentials.from_dict({"path": sys.argv[1], "retries": {"connect_attempts": 5}})
with Environment.initialize_db(creds) as connection:
    connection.execute("create table kept as select 1")
"""


def start(*arguments: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT
    )
    assert process.stdout.readline().strip() == b"ready"
    return process


def tell(process: subprocess.Popen[bytes], line: str) -> None:
    process.stdin.write(line.encode() + b"\n")
    process.stdin.flush()


def compacted(settings: Settings) -> None:
    """Compact; the file is another one then."""
    before = identity(settings.database_path)
    assert compact_database(settings, 0.0)
    assert identity(settings.database_path) != before


@pauses
def test_a_loader_before_its_lock_lands_in_the_new_file(settings, tmp_path):
    with open_writer(settings) as connection:
        migrate(connection)
    loader = start("-c", LAND)
    for number in range(FILES):
        file = tmp_path / f"{number}.csv"
        file.write_text(
            "exchange,symbol,timestamp,last_price,last_size\n"
            f"x,A,2024-01-01 00:00:{number:02},{number + 1},1\n"
        )
        between_opening_and_locking(
            loader,
            settings.database_path,
            do=lambda: compacted(settings),
            go=lambda file=file: tell(loader, str(file)),
            # It opens the file to ask whether it knows the content, and again to land.
            number=1 + number % 2,
        )
        assert json.loads(loader.stdout.readline()) == ["landed", 1, None]
    loader.communicate()
    found = "select count(*), count(distinct last_price) from raw.market_ticks"
    assert ask(settings, found) == [(FILES, FILES)]


@pauses
def test_dbt_before_its_lock_builds_in_the_new_file(settings):
    """It compares no inodes: the former file is no database any more, so it tries again."""
    make_warehouse(settings, 100, ["A"])
    path = settings.database_path
    builder = start("-c", INSERT, str(path))
    between_opening_and_locking(
        builder, path, do=lambda: compacted(settings), go=lambda: tell(builder, "")
    )
    builder.communicate()
    assert builder.returncode == 0
    assert ask(settings, "from kept") == [(1,)]
    assert ask(settings, ALL_TICKS)[0][0] == 100


READ = """
import duckdb, sys
with duckdb.connect() as connection:
    connection.execute("attach '" + sys.argv[1] + "' as trading (read_only)")
    print("ready", flush=True)
    sys.stdin.readline()
    print(connection.execute("select count(last_price) from trading.raw.market_ticks").fetchall())
"""


def test_who_reads_the_former_file_reads_on(settings, monkeypatch):
    """A reader and compaction share the lock."""
    make_warehouse(settings, 100_000, ["A"])
    attach, readers = compaction._attached, []

    def beside_a_reader(at):
        if not readers:
            readers.append(start("-c", READ, str(at.database_path)))
        return attach(at)

    monkeypatch.setattr(compaction, "_attached", beside_a_reader)
    compacted(settings)
    (prices,) = ask(settings, "select count(last_price) from raw.market_ticks")
    assert readers[0].communicate(b"\n")[0].strip() == str([prices]).encode()


HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
"""


def test_compaction_waits_for_who_takes_the_lock_first(settings, monkeypatch):
    """A loader that locks the file just before compaction does."""
    make_warehouse(settings, 100, ["A"])
    monkeypatch.setenv("DATABASE_CONNECTION_TIMEOUT_MS", "60000")
    attach, holders = compaction._attached, []

    def after_another(at):
        if not holders:
            holders.append(start("-c", HOLD, str(at.database_path)))
            threading.Timer(0.3, holders[0].communicate).start()
        return attach(at)

    monkeypatch.setattr(compaction, "_attached", after_another)
    compacted(load_settings())
    assert len(holders) == 1


def test_compaction_names_who_holds_the_file_for_too_long(settings, monkeypatch):
    make_warehouse(settings, 100, ["A"])
    monkeypatch.setenv("DATABASE_CONNECTION_TIMEOUT_MS", "200")
    attach, holders = compaction._attached, []

    def after_another(at):
        if not holders:
            holders.append(start("-c", HOLD, str(at.database_path)))
        return attach(at)

    monkeypatch.setattr(compaction, "_attached", after_another)
    before = ask(settings, ALL_TICKS)
    with pytest.raises(DatabaseBusyError, match=r"is held by process \d+ .*200 ms"):
        compact_database(load_settings(), 0.0)
    assert holders[0].communicate()
    assert ask(settings, ALL_TICKS) == before


KILLED = """
import duckdb, os, signal, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("delete from raw.market_ticks where sequence_number = 0")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_in_its_log_is_in_the_compact_file(settings, monkeypatch):
    make_warehouse(settings, 100, ["A"])
    attach, killed = compaction._attached, []

    def after_another(at):
        if not killed:
            killed.append(
                subprocess.run([sys.executable, "-c", KILLED, str(at.database_path)], check=False)
            )
            assert at.database_path.with_name("trading.duckdb.wal").exists()
        return attach(at)

    monkeypatch.setattr(compaction, "_attached", after_another)
    compacted(settings)
    assert ask(settings, ALL_TICKS)[0][0] == 99
