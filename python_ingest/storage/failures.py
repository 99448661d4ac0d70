"""DuckDB's errors in our words, and another try where that can help."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TypeVar

import duckdb
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential_jitter,
)

from python_ingest.errors import (
    DatabaseBusyError,
    DatabaseError,
    DiskFullError,
    IngestError,
    QueryError,
    WriteConflictError,
)

Result = TypeVar("Result")

_MAX_ELAPSED_SECONDS = 30.0
_MAX_WAIT_SECONDS = 5.0


def as_database_error(error: Exception) -> DatabaseError:
    """Return the error of ours that says what DuckDB's means; its first line is kept."""
    text = str(error).lower()
    first_line = (str(error).splitlines() or [type(error).__name__])[0]
    if getattr(error, "errno", None) == errno.ENOSPC or "no space left" in text:
        return DiskFullError(f"the disk is full: {first_line}")
    if isinstance(error, duckdb.OutOfMemoryException) and "max_temp_directory_size" in text:
        return DiskFullError(f"no room left for temporary files: {first_line}")
    if isinstance(error, duckdb.TransactionException) and "conflict" in text:
        return WriteConflictError(first_line)
    if isinstance(error, duckdb.IOException) and "lock" in text:
        return DatabaseBusyError(first_line)
    return QueryError(first_line)


def _is_retryable(error: BaseException) -> bool:
    if isinstance(error, duckdb.Error):
        error = as_database_error(error)
    return isinstance(error, IngestError) and error.retryable


def with_retry(operation: Callable[[], Result], max_retries: int = 5) -> Result:
    """Call `operation` again while its error is retryable; returns what it returns.

    Waits grow from 20 ms to 5 s, with jitter, for 30 s at most. `operation` must be a whole
    transaction. Raises its last error.
    """
    retrying = Retrying(
        retry=retry_if_exception(_is_retryable),
        wait=wait_exponential_jitter(multiplier=0.02, max=_MAX_WAIT_SECONDS, jitter=0.02),
        stop=stop_after_attempt(max_retries + 1) | stop_after_delay(_MAX_ELAPSED_SECONDS),
        reraise=True,
    )
    return retrying(operation)
