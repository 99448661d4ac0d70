"""DuckDB's errors in our words, and another try where that can help."""

import errno
import os
import re
import traceback
from collections.abc import Callable
from pathlib import Path
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
    OutOfMemoryError,
    QueryError,
    WriteConflictError,
)
from python_ingest.storage.disk_full import is_disk_full

Result = TypeVar("Result")

_MAX_ELAPSED_SECONDS = 30.0
_MAX_WAIT_SECONDS = 5.0


_NO_FILE = "No files found that match the pattern"
_WHAT_TO_DO = (
    "where DATA_DIR was moved, `ingest publish` names its files anew; a file that is gone comes"
    " back from a backup (docs/restore.md)"
)


# What it says of a damaged page, and nothing of the file.
_UNNAMED = "Out of buffer"
# What the engine says of a Parquet file that is cut off or rotten; not always which one it is.
_DAMAGED = re.compile(
    r"magic bytes|too small to be a Parquet|corrupt|Decompression failure|TProtocolException"
    r"|invalid TType|don't know what type|Mismatch in parquet|Could not read enough bytes"
    rf"|{_UNNAMED}"
)
_BRING_BACK = (
    "a cold file that is damaged comes back from the archive or a backup (docs/restore.md);"
    " cold_files.sha256 says what it was"
)

_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def without_text(error: BaseException) -> str:
    """Return an error's kind and where it was raised: its text may have values of rows in it."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = ", ".join(f"{frame.filename}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__} at {where}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or what kind of error it is.

    A Python error that DuckDB 2 passes on begins with its traceback, whose lines are indented.
    """
    lines = str(error).splitlines() or [type(error).__name__]
    if isinstance(error, OSError) and error.errno in _REFUSED and error.filename:
        return f"{error.filename}: {error.strerror}; {run_as_owner(Path(error.filename))}"
    if lines[0].startswith("Traceback "):
        lines = [line for line in lines[1:] if line.strip() and line[0] != " "] or lines
    if _NO_FILE in lines[0] and "/cold/" in lines[0]:
        return f"{lines[0]}: {_WHAT_TO_DO}"
    if lines[0].endswith(_UNNAMED):
        return f"{lines[0]}: the engine does not say of which Parquet file; {_BRING_BACK}"
    if "/cold/" in lines[0] and _DAMAGED.search(lines[0]):
        return f"{lines[0]}: {_BRING_BACK}"
    return lines[0]


def run_as_owner(path: Path) -> str:
    """Return what to do where this user lacks a right to a file, or to the folder it would lie in.

    Nobody has the right to write on a read-only mount.

    >>> run_as_owner(Path("data/cycle.lock"))
    'run this as trading, whose data is, or give your user the right to it'
    """
    place = path if os.path.lexists(path) else path.parent
    try:
        if os.access(place, os.R_OK) and os.statvfs(place).f_flag & os.ST_RDONLY:
            return f"{place} lies on a read-only mount: mount it for writing"
        owner = place.owner()
    except KeyError:  # a number without a name
        owner = f"user {place.stat().st_uid}"
    except OSError:  # it lies where this user may not look
        return "run this as its owner, or give your user the right to it"
    return f"run this as {owner}, whose {place} is, or give your user the right to it"


def is_damaged_file(error: BaseException) -> bool:
    """Tell whether a Parquet file that the engine read is cut off or rotten."""
    return isinstance(error, duckdb.Error) and bool(_DAMAGED.search(str(error)))


def raise_if_interrupted(error: BaseException) -> None:
    """Raise KeyboardInterrupt where an error is what became of one inside the engine."""
    text = str(error)
    if "Query interrupted" in text or KeyboardInterrupt.__name__ in text:
        raise KeyboardInterrupt from error


def is_locked_out(error: BaseException) -> bool:
    """Tell whether another process, or another engine of this one, has the database file open."""
    texts = "Could not set lock on file", "Unique file handle conflict"
    return isinstance(error, duckdb.Error) and any(text in str(error) for text in texts)


def as_database_error(error: Exception) -> DatabaseError:
    """Return the error of ours that says what DuckDB's means; its first line is kept."""
    text = str(error).lower()
    line = first_line(error)
    if is_disk_full(error):
        return DiskFullError(line)
    if isinstance(error, duckdb.OutOfMemoryException) or "out of memory error" in text:
        return OutOfMemoryError(line)
    if isinstance(error, duckdb.TransactionException) and "conflict" in text:
        return WriteConflictError(line)
    if is_locked_out(error):
        return DatabaseBusyError(line)
    return QueryError(line)


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
