"""`ingest cycle --every 10s`: look for news that often, and run a cycle when there are some.

To look costs a query and no dbt. What the clock alone moves is brought up to date every quarter of
an hour. A cycle runs in a child of a process that keeps dbt imported and the project read
(warm.py); what the child used of memory is free when it ends.
"""

import multiprocessing
import os
import re
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from tempfile import gettempdir
from threading import Event, Thread
from typing import Annotated

import typer
from rich.console import Console

from python_ingest.cli.ending import ended
from python_ingest.cli.news import News, due_after, news, project_files
from python_ingest.errors import IngestError, UsageError
from python_ingest.settings import Settings, load_settings
from python_ingest.told import Told

Every = Annotated[
    str, typer.Option(help="Stay, and look for news so often: 10s, 5m. Default: one cycle.")
]
READ_FOR = "INGEST_READ_FOR"
"""The variable that says for which process the project is read."""

_SECONDS = {"s": 1, "m": 60, "h": 3600}
# What failed is tried again after this long, or when something is new.
_RETRY_SECONDS = 60
_POLL_SECONDS = 0.2
_ENDING_SECONDS = 1.0


def parse_seconds(every: str) -> float:
    """Return the seconds that `10s`, `5m` or `1h` are. Raises UsageError for anything else."""
    found = re.fullmatch(r"(\d+)([smh])", every.strip())
    if not found or not int(found[1]):
        raise UsageError(f"--every {every}: not a time such as 10s, 5m or 1h")
    return int(found[1]) * _SECONDS[found[2]]


def stay(settings: Settings, every: float) -> None:
    """Run cycles until SIGTERM or Ctrl-C; where the project's files change, begin anew."""
    stopping = Told(signal.SIGTERM)  # the engine would catch an exception
    project = project_files()
    context = _warm_context()
    seen, again_at = None, 0.0
    while not stopping.is_set():
        began = time.time()
        if project_files() != project:
            print(f"{_now()} the project's files changed: beginning anew", flush=True)
            os.execv(  # noqa: S606 - this very command
                sys.executable, [sys.executable, "-m", "python_ingest", *sys.argv[1:]]
            )
        found = _look(settings) if seen else None
        if began >= again_at or (found and found != seen):
            built = _cycle(context, stopping)
            seen = built or found
            again_at = due_after(began) if built else time.time() + _RETRY_SECONDS
        with Console(stderr=True).status(f"{_now()} looked for news; again every {every:g} s"):
            stopping.wait(max(0.0, began + every - time.time()))


def _warm_context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["python_ingest.cli.warmed"])
    os.environ[READ_FOR] = str(os.getpid())
    # Ctrl-C is for this process alone, also while the other one still imports.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        forkserver.ensure_running()
    except OSError as error:
        if error.errno is not None:  # what Python itself finds wrong with a path has none
            raise
        raise IngestError(f"{gettempdir()} (TMPDIR) has no room for a socket: {error}") from None
    finally:
        signal.signal(signal.SIGINT, before)
    return context


def _look(settings: Settings) -> News | None:
    """Return the news, None where they cannot be read: the next cycle says why."""
    with suppress(IngestError, OSError):
        return news(settings)
    return None


def _cycle(context: ForkServerContext, stopping: Told) -> News | None:
    """Run a cycle in a child, which prints how it went; return what it built, None if it failed."""
    ours, childs = context.Pipe()
    child = context.Process(target=_child, args=(childs,))
    # it waits for who forks it, and that one reads the project first
    asked = Event()
    starting = Thread(target=_start, args=(child, asked), daemon=True)
    starting.start()
    with Console(stderr=True).status(f"{_now()} reading the project"):
        while starting.is_alive() and not stopping.is_set():
            starting.join(_POLL_SECONDS)
    if child.pid is None:
        asked.wait(_ENDING_SECONDS)  # who forks may be starting anew, in a folder that we delete
        if not stopping.wait(_ENDING_SECONDS):
            print("ingest: the process that keeps dbt read was ended", file=sys.stderr, flush=True)
        return None
    childs.close()
    try:
        with suppress(ConnectionError):  # it is gone already
            ours.send(None)  # from here on we end what it began
        while not ours.poll(_POLL_SECONDS):
            if stopping.is_set():
                return None
        built: News | None = None
        with suppress(EOFError, ConnectionError):
            built = ours.recv()
        child.join()
        return built
    finally:
        if child.is_alive():  # to kill a build loses nothing
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.kill()
            child.join()


def _start(child: ForkServerProcess, asked: Event) -> None:
    # who would have forked it may be gone: systemd sends SIGTERM to all of us
    forkserver.ensure_running()
    asked.set()
    with suppress(EOFError, ConnectionError):
        child.start()


def _child(ours: Connection) -> None:
    os.setpgrp()  # with dbt, which is our child: the parent ends both, a terminal neither
    try:
        ours.recv()
    except EOFError:  # who asked for a cycle ended before it was forked
        sys.exit(1)
    sys.exit(ended(lambda: _run(ours)))


def _run(ours: Connection) -> None:
    # what the parent of this process has imported already, or cannot
    os.environ[READ_FOR] = str(os.getppid())
    import_module("python_ingest.cli.warmed")
    from python_ingest.cli.cycle import run  # noqa: PLC0415 - it imports us

    done = run(load_settings(), {})
    print(f"{_now()} {done.summary}", flush=True)
    ours.send(done.newest)
    if done.error:
        raise done.error


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
