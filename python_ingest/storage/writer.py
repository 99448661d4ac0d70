"""The one place that takes the database file's write lock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

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


def _connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    path = settings.database_path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        retrying = Retrying(
            retry=retry_if_exception(_is_locked),
            wait=wait_exponential_jitter(multiplier=0.02, max=1.0),
            stop=stop_after_delay(settings.pool.connection_timeout_ms / 1000),
        )
        connection = retrying(duckdb.connect, str(path), config=session_config(settings))
        connection.execute("set TimeZone = 'UTC'")
        return connection
    except RetryError as error:
        last = error.last_attempt.exception()
        raise DatabaseBusyError(
            f"{path} is held by {_holder(last)} since more than"
            f" {settings.pool.connection_timeout_ms} ms; try again when it is done"
        ) from None
    except (duckdb.Error, OSError) as error:
        raise IngestError(f"{path}: cannot be opened: {first_line(error)}") from error


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
