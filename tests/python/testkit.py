"""What tests of every room do with a warehouse besides running commands (forked.py)."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from python_ingest.landing.land import LandingResult, land_files
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings
from python_ingest.storage.sql import quoted, sql_path

_ASKING = threading.RLock()
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
    """Return what a query answers, read only and with times in UTC (`where`: see asking)."""
    with asking(where) as connection:
        return connection.execute(sql, list(values)).fetchall()


def ask_dicts(where: Settings | Path, sql: str, *values: Any) -> list[dict[str, Any]]:
    """The same, with a dictionary for each row."""
    with asking(where) as connection:
        found = connection.execute(sql, list(values))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@contextmanager
def asking(where: Settings | Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a warehouse to read, with times in UTC.

    `where`: the settings or the DATA_DIR of a warehouse, or a DuckDB file.
    """
    path = where.database_path if isinstance(where, Settings) else where
    if path.is_dir():
        path = path / "trading.duckdb"
    name = quoted(path.stem)  # as DuckDB names a database that it opens
    with _ASKING, _engine().cursor() as connection:
        connection.execute(f"attach {sql_path(path)} as {name} (read_only)")
        try:
            connection.execute(f"use {name}")
            connection.execute("set TimeZone = 'UTC'")
            yield connection
        finally:
            connection.execute("use memory")
            connection.execute(f"detach {name}")


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """One DuckDB for every question: to start one takes ten times what a question does."""
    return duckdb.connect(config={"enable_external_file_cache": False})


def new_database(settings: Settings) -> Settings:
    """Give a warehouse that has no database a new one, with all tables of schema raw."""
    if not settings.database_path.exists():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        shutil.copy(_migrated(), settings.database_path)
    return settings


@cache
def _migrated() -> Path:
    """A database that every test copies: its migrations take as long as to land three files."""
    path = Path(os.environ["READ_BY_DBT"], f"migrated-{os.getpid()}.duckdb")
    with duckdb.connect(str(path)) as connection:
        migrate(connection)
    return path


def land_text(
    settings: Settings, kind: str, path: Path, content: str | bytes, **options: Any
) -> LandingResult:
    """Write a file and land it; `options`: of land_files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (result,) = land_files(settings, kind, [path], **options)
    return result


def register_cold_file(
    connection: duckdb.DuckDBPyConnection, relation: str, date: str | datetime, **said: Any
) -> None:
    """Register a cold file of one row, as `ingest export` or `archive` would: landing makes none.

    `said`: columns of raw.cold_files; without `state` the day is in the archive only.
    """
    row = {
        "file_id": 1, "relation": relation, "date": date, "folder": "", "path": "away",
        "rows": 1, "checksum": "", "sha256": "", "bytes": 1, "min_timestamp": date,
        "max_timestamp": date, "exported_at": date, "state": "archived", **said,
    }  # fmt: skip
    places = ", ".join("?" * len(row))
    connection.execute(
        f"insert into raw.cold_files ({', '.join(row)}) values ({places})", list(row.values())
    )


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


def free_port() -> int:
    """Return a port that nothing listens on.

    It is none of those that the system hands out: one of these may be a connection's before its
    server listens.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


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
