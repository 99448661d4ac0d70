"""Compaction beside others: nobody loses what was landed."""

import contextlib
import itertools
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forked import PROJECT
from pause_point import between_opening_and_locking, is_possible
from testkit import ask

from python_ingest.errors import DatabaseBusyError
from python_ingest.lifecycle import compaction
from python_ingest.lifecycle.compaction import compact_database
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import identity, open_writer

from .conftest import ALL_TICKS, make_warehouse

FILES = 25
pauses = pytest.mark.skipif(not is_possible, reason="needs Linux's ptrace")

# Lands a file for each line it reads, and says what became of it.
LAND = """
import json, os, sys
from pathlib import Path
from python_ingest.landing import land
from python_ingest.settings import load_settings

# one thread: the file is opened by the main one, which alone can be paused
settings = load_settings(env={**os.environ, "DATABASE_NUM_THREADS": "1"})
land.LITTLE_BYTES = -1  # of a large file it asks first whether it knows the content
print("ready", flush=True)
for line in sys.stdin:
    (result,) = land.land_files(settings, "ticks", [Path(line.strip())])
    print(json.dumps([result.state, result.landed, result.error]), flush=True)
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


@pytest.fixture
def landing(settings: Settings, tmp_path: Path) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Lands a file of one row in another process, and calls `do` just before its lock."""
    with open_writer(settings) as connection:
        migrate(connection)
    loader = start("-c", LAND)
    numbers = itertools.count()

    def land(do: Callable[[], None]) -> None:
        number = next(numbers)
        file = tmp_path / f"{number}.csv"
        file.write_text(
            "exchange,symbol,timestamp,last_price,last_size\n"
            f"x,A,2024-01-01 00:00:{number:02},{number + 1},1\n"
        )
        between_opening_and_locking(
            loader,
            settings.database_path,
            do,
            go=lambda: tell(loader, str(file)),
            # It opens the file to ask whether it knows the content, and again to land.
            number=1 + number % 2,
        )
        assert json.loads(loader.stdout.readline()) == ["landed", 1, None]

    yield land
    loader.communicate()


LANDED = "select count(*), count(distinct last_price) from raw.market_ticks"


@pauses
def test_compaction_waits_for_a_loader_before_its_lock(settings, landing, monkeypatch):
    monkeypatch.setenv("DATABASE_CONNECTION_TIMEOUT_MS", "20")
    impatient = load_settings()

    def compact_if_free() -> None:
        with contextlib.suppress(DatabaseBusyError):
            compact_database(impatient, 0.0)

    for _ in range(FILES):
        landing(compact_if_free)
        compacted(settings)
    assert ask(settings, LANDED) == [(FILES, FILES)]


@pauses
def test_a_loader_before_its_lock_lands_in_what_replaced_the_file(settings, landing):
    """As somebody does who moves a copy into its place by hand."""

    def replace_file() -> None:
        copy = settings.database_path.with_suffix(".copy")
        shutil.copy(settings.database_path, copy)
        copy.replace(settings.database_path)

    for _ in range(4):
        landing(replace_file)
    assert ask(settings, LANDED) == [(4, 4)]


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
    attach, readers = compaction.attached, []

    def beside_a_reader(path, *how):
        if not readers:
            readers.append(start("-c", READ, str(path)))
        return attach(path, *how)

    monkeypatch.setattr(compaction, "attached", beside_a_reader)
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
    attach, holders = compaction.attached, []

    def after_another(path, *how):
        if not holders:
            holders.append(start("-c", HOLD, str(path)))
            threading.Timer(0.3, holders[0].communicate).start()
        return attach(path, *how)

    monkeypatch.setattr(compaction, "attached", after_another)
    compacted(load_settings())
    assert len(holders) == 1


def test_compaction_names_who_holds_the_file_for_too_long(settings, monkeypatch):
    make_warehouse(settings, 100, ["A"])
    monkeypatch.setenv("DATABASE_CONNECTION_TIMEOUT_MS", "200")
    attach, holders = compaction.attached, []

    def after_another(path, *how):
        if not holders:
            holders.append(start("-c", HOLD, str(path)))
        return attach(path, *how)

    monkeypatch.setattr(compaction, "attached", after_another)
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


def test_what_a_killed_program_left_in_its_log_is_kept(settings, monkeypatch):
    make_warehouse(settings, 100, ["A"])
    attach, killed = compaction.attached, []

    def after_another(path, *how):
        if not killed:
            killed.append(subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False))
            assert path.with_name("trading.duckdb.wal").exists()
        return attach(path, *how)

    monkeypatch.setattr(compaction, "attached", after_another)
    with pytest.raises(DatabaseBusyError, match="compact it later"):
        compact_database(settings, 0.0)
    compacted(settings)
    assert ask(settings, ALL_TICKS)[0][0] == 99


def test_the_copy_of_a_killed_compaction_goes_though_none_is_needed(settings):
    make_warehouse(settings, 100, ["A"])
    left = settings.database_path.with_name(".trading.duckdb.unfinished") / "1-abc"
    left.mkdir(parents=True)
    (left / "trading.duckdb").write_text("as large as the database")
    assert compact_database(settings, 1.1) is None
    assert not left.parent.exists()
