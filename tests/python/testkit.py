"""What tests of every room do with a warehouse besides running commands (forked.py)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from python_ingest.settings import Settings

_HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()"
# The process counts what it does to files and sends over HTTP, and kills itself at step `kill_at`:
# in the midst of the work, whatever the machine's speed. Without it, it says how many there are.
_COUNTED = """
import os, signal, sys
from python_ingest.cli.main import main
import python_ingest.storage.s3_store
steps, kill_at = 0, int(sys.argv.pop(1))
def count(event, _):
    global steps
    if event in ("open", "os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir",
                 "os.truncate", "duckdb.connect", "http.client.send"):
        steps += 1
        if steps == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
try:
    main()
finally:
    print(f"steps {steps}", flush=True)
"""


def ask(where: Settings | Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return what a query answers, read only and with times in UTC.

    `where`: the settings or the DATA_DIR of a warehouse, or a DuckDB file.
    """
    path = where.database_path if isinstance(where, Settings) else where
    if path.is_dir():
        path = path / "trading.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(sql, list(values)).fetchall()


@contextmanager
def held(database: Path) -> Iterator[int]:
    """While it is entered another process has the database open; gives its id."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield holder.pid
        holder.communicate(b"\n")


def steps_of(settings: Settings, *arguments: str, kill_at: int = 0, **environment: str) -> int:
    """Run `ingest`, and kill it at a step; return how many it did, 0 when it was killed."""
    done = subprocess.run(
        [sys.executable, "-c", _COUNTED, str(kill_at), *arguments],
        env={
            **os.environ,
            "DATA_DIR": str(settings.data_dir),
            "DATABASE_NUM_THREADS": "2",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return int(done.stdout.split("steps ")[1]) if done.returncode == 0 else 0
