"""`ingest cycle --every`: a cycle for what is new, none for nothing; it ends when it is told to."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from forked import run_ingest

from python_ingest.cli.news import news
from python_ingest.cli.resident import _look, parse_seconds
from python_ingest.errors import UsageError
from python_ingest.landing.report import land_records, metric_record
from python_ingest.landing.spool import pending
from python_ingest.publication.live_models import SERVED, read_models
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import open_writer

HERE = Path(__file__).parents[3]
CYCLE = re.compile(r"^[0-9: -]{19} built (\d+) models", re.MULTILINE)
SOON = 240  # seconds; not slowness
COMMAND = ("-m", "python_ingest")
TIMELESS = ("-c", "import timeless; from python_ingest.cli.main import main; main()")
# Who reads the project never has read it.
ENDLESS = ("-c", "import endless_reading; from python_ingest.cli.main import main; main()")


def tick(path: Path, trade_id: str) -> Path:
    path.write_text(
        "exchange,symbol,timestamp,last_price,last_size,trade_id\n"
        f"binance,BTCUSDT,2024-08-08T12:00:00Z,60000,1,{trade_id}\n"
    )
    return path


@contextmanager
def resident(
    data_dir: Path, command_line: tuple[str, str] = COMMAND, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], Callable[[], str]]]:
    """The command, in a session of its own as a terminal gives it, and what it has printed."""
    printed = data_dir.parent / "printed"
    with (
        printed.open("w") as file,
        subprocess.Popen(
            [sys.executable, *command_line, "cycle", "--every", "1s"],
            cwd=HERE,
            env={**os.environ, "DATA_DIR": str(data_dir), **environment},
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as command,
    ):
        try:
            yield command, printed.read_text
        finally:
            command.kill()


def wait_for(what: Callable[[], bool], said: Callable[[], str]) -> None:
    until = time.monotonic() + SOON
    while not what():
        assert time.monotonic() < until, said()
        time.sleep(0.1)


def running(group: int) -> list[str]:
    """Return the processes of a group, as /proc shows them; what is dead runs no more."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            text = path.read_text()
            state, _, its_group, *_ = text.rpartition(")")[2].split()
            if its_group == str(group) and state != "Z":
                found.append(text)
    return found


def test_a_cycle_for_what_is_new_and_none_for_nothing(data_dir: Path, tmp_path: Path) -> None:
    with resident(data_dir, TIMELESS) as (command, said):
        wait_for(lambda: len(CYCLE.findall(said())) == 1, said)
        everything = int(CYCLE.findall(said())[0])
        run_ingest(data_dir, "land", "ticks", str(tick(tmp_path / "a.csv", "1")))
        wait_for(lambda: len(CYCLE.findall(said())) == 2, said)
        assert int(CYCLE.findall(said())[1]) < everything / 2  # the views are as they were
        with duckdb.connect(str(data_dir / "published" / "trading.duckdb")) as published:
            bars = published.execute("select count(*) from ohlcv_bars where timeframe = '1m'")
            assert bars.fetchall() == [(1,)]
            assert read_models(published, "trading").served == SERVED  # and all can be live
        time.sleep(4)  # several looks
        assert len(CYCLE.findall(said())) == 2
        command.send_signal(signal.SIGTERM)
        assert command.wait(SOON) == 0
    assert re.sub(r"^.* built .*\n", "", said(), flags=re.MULTILINE) == ""


@pytest.mark.parametrize("after", [0.5, 3.0, 9.0])
def test_ctrl_c_ends_it_with_one_line(data_dir: Path, after: float) -> None:
    with resident(data_dir) as (command, said):
        time.sleep(after)
        os.killpg(command.pid, signal.SIGINT)
        assert command.wait(SOON) in (130, -signal.SIGINT)
    assert re.sub(r"^.* built .*\n", "", said()) in (
        "ingest: interrupted; what was acknowledged stays\n",
        "",
    )


def test_sigterm_ends_it_within_a_cycle_and_dbt_with_it(data_dir: Path) -> None:
    with resident(data_dir) as (command, said):
        wait_for((data_dir / "dbt" / "logs").exists, said)
        command.send_signal(signal.SIGTERM)
        assert command.wait(SOON) == 0
    with open_writer(load_settings(data_dir / "none.toml", {"DATA_DIR": str(data_dir)})):
        pass  # dbt has let go of it
    assert said() == ""


def test_sigterm_to_all_its_processes_ends_it_like_one_to_itself(data_dir: Path) -> None:
    with resident(data_dir) as (command, said):
        children = Path(f"/proc/{command.pid}/task/{command.pid}/children")
        wait_for(lambda: len(children.read_text().split()) == 2, said)  # one tracks, one forks
        os.killpg(command.pid, signal.SIGTERM)  # as systemd does
        assert command.wait(SOON) == 0
    assert said() == ""


# It is told to end just as it asks for its first cycle, and who would fork that was ended too.
LATE = """
import os, signal, threading
from multiprocessing import forkserver
import endless_reading
from python_ingest.cli import main, resident

class Late(threading.Thread):
    def start(self):
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGTERM)
        super().start()

resident.Thread = Late
main.main()
"""


def test_nobody_reads_the_project_anew_when_it_ends(data_dir: Path) -> None:
    with resident(data_dir, ("-c", LATE)) as (command, said):
        assert command.wait(SOON) == 0
        wait_for(lambda: not running(command.pid), said)
    assert said() == ""


def test_sigterm_ends_it_while_the_project_is_read(data_dir: Path) -> None:
    with resident(data_dir) as (command, said):
        children = Path(f"/proc/{command.pid}/task/{command.pid}/children")
        wait_for(lambda: len(children.read_text().split()) == 2, said)
        forking = max(map(int, children.read_text().split()))
        os.kill(forking, signal.SIGSTOP)  # it reads for as long as the test wants
        try:
            command.terminate()
            assert command.wait(SOON) == 0
        finally:
            with suppress(ProcessLookupError):
                os.kill(forking, signal.SIGKILL)
    assert said() == ""


def test_no_cycle_begins_after_it_has_ended(data_dir: Path) -> None:
    """The first one was asked for, and waits for who reads the project."""
    with resident(data_dir) as (command, said):
        children = Path(f"/proc/{command.pid}/task/{command.pid}/children")
        wait_for(lambda: len(children.read_text().split()) == 2, said)
        forking = max(map(int, children.read_text().split()))
        time.sleep(1)
        command.terminate()
        assert command.wait(SOON) == 0
        # it ends when it has forked whoever waited, and that one has ended
        wait_for(lambda: not Path(f"/proc/{forking}").exists(), said)
    assert said() == ""
    assert not list(data_dir.parent.glob("data/*.lock"))


def test_who_reads_the_project_ends_with_the_command_and_leaves_nothing(data_dir: Path) -> None:
    """It keeps the terminal, and a pipe behind the command, open."""
    # a short path: that of a socket in it has 107 bytes at most
    with (
        TemporaryDirectory() as folder,
        resident(data_dir, ENDLESS, TMPDIR=folder) as (command, said),
    ):
        scratch = Path(folder)
        wait_for(lambda: any(scratch.glob("*/trading.duckdb")), said)
        os.killpg(command.pid, signal.SIGINT)
        assert command.wait(SOON) == 130
        wait_for(lambda: not running(command.pid), said)
        assert not [*scratch.glob("*/trading.duckdb")]


def test_a_folder_too_deep_for_a_socket_is_named(data_dir: Path, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    with resident(data_dir, TMPDIR=str(deep)) as (command, said):
        assert command.wait(SOON) == 1
    assert said() == f"ingest: {deep} (TMPDIR) has no room for a socket: AF_UNIX path too long\n"


def test_what_a_cycle_tells_of_itself_is_no_news(settings: Settings, tmp_path: Path) -> None:
    with open_writer(settings) as connection:
        migrate(connection)
    before = news(settings)
    land_records(settings, [("metrics", metric_record("m", 1.0, "c", "i"))])
    assert news(settings) == before
    run_ingest(settings.data_dir, "land", "ticks", str(tick(tmp_path / "a.csv", "1")))
    landed = news(settings)
    assert landed != before
    assert pending(settings) == []
    (settings.spool_dir / "1-ticks-x.parquet").touch()
    assert news(settings) != landed


@pytest.mark.parametrize(("text", "seconds"), [("10s", 10), ("5m", 300), ("1h", 3600)])
def test_how_often(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["10", "0s", "-1s", "1.5s", "1d", "soon"])
def test_what_is_no_time_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="not a time such as 10s, 5m or 1h"):
        parse_seconds(text)


def test_it_follows_the_clock_of_the_machine(data_dir: Path) -> None:
    done = run_ingest(data_dir, "cycle", "--every", "1s", "--as-of", "2024-01-01")
    assert (done.returncode, done.stderr) == (
        2,
        "ingest: --every follows the clock: it takes no --as-of\n",
    )


def test_a_spool_that_cannot_be_listed_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(settings: Settings) -> list[Path]:
        raise OSError("Stale file handle")

    monkeypatch.setattr("python_ingest.cli.news.pending", refuse)
    settings = load_settings(tmp_path / "none.toml", {"DATA_DIR": str(tmp_path / "data")})
    with open_writer(settings) as connection:
        migrate(connection)
    assert _look(settings) is None
