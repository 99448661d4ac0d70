"""The one place that takes the database file's write lock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import duckdb
from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception,
    stop_after_delay,
    wait_exponential_jitter,
)

from python_ingest.errors import DatabaseBusyError, IngestError
from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line

# Analysts' tools may be as old as this, and cannot read what DuckDB 2 writes unasked.
STORAGE_VERSION = "v1.5.0"


class _Closable(Protocol):
    def close(self) -> None: ...


Opened = TypeVar("Opened", bound=_Closable)


def session_config(settings: Settings) -> dict[str, str | bool | int | float | list[str]]:
    """DuckDB's limits and the format of new files, the same for every session of ours.

    A file that is there already keeps its format.
    """
    return {
        "storage_compatibility_version": STORAGE_VERSION,
        "memory_limit": f"{settings.performance.memory_limit_mb}MB",
        "threads": settings.performance.num_threads,
        "temp_directory": str(settings.performance.temp_directory),
    }


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, duckdb.IOException) and "lock" in str(error).lower()


def _holder(error: BaseException | None) -> str:
    match = re.search(r"held in (\S+) \(PID (\d+)\)", str(error))
    return f"process {match[2]} ({match[1]})" if match else "another process"


def identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of what `path` names now; None where nothing is."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


class _ReplacedError(Exception):
    """Another file took the database's place while it was opened."""


def _open_as_named(path: Path, open_file: Callable[[], Opened]) -> Opened:
    """Open the file that `path` names when it is open, not one that it named before."""
    before = identity(path)
    try:
        opened = open_file()
    except duckdb.Error as error:
        if before is not None and identity(path) != before:
            raise _ReplacedError from error
        raise
    if identity(path) != before and before is not None:
        opened.close()
        raise _ReplacedError
    return opened


def open_locked(settings: Settings, open_file: Callable[[], Opened]) -> Opened:
    """Call `open_file` until it has the database file, waiting up to `connection_timeout_ms`.

    DuckDB opens a file before it locks it: `ingest compact` may replace the file in between.
    Then `open_file` is called again.
    Raises DatabaseBusyError that names the holder, IngestError when the file cannot be opened.
    """
    path = settings.database_path
    retrying = Retrying(
        retry=retry_if_exception(_is_locked),
        wait=wait_exponential_jitter(multiplier=0.02, max=1.0),
        stop=stop_after_delay(settings.pool.connection_timeout_ms / 1000),
    )
    while True:
        try:
            return retrying(_open_as_named, path, open_file)
        except _ReplacedError:
            continue  # by a compaction, of which there is one at a time
        except RetryError as error:
            last = error.last_attempt.exception()
            raise DatabaseBusyError(
                f"{path} is held by {_holder(last)} since more than"
                f" {settings.pool.connection_timeout_ms} ms; try again when it is done"
            ) from None
        except (duckdb.Error, OSError) as error:
            raise IngestError(f"{path}: cannot be opened: {first_line(error)}") from error


def _connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    path = settings.database_path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IngestError(f"{path}: cannot be opened: {first_line(error)}") from error
    connection = open_locked(
        settings, lambda: duckdb.connect(str(path), config=session_config(settings))
    )
    connection.execute("set TimeZone = 'UTC'")
    return connection


@contextmanager
def open_writer(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Hold the database file for writing; waits for others up to `connection_timeout_ms`.

    Raises DatabaseBusyError that names the holder.
    """
    connection = _connect(settings)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit when the block ends, roll back when it raises."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
