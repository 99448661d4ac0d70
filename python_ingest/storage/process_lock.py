"""One process at a time for work that must not overlap."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from python_ingest.errors import DatabaseBusyError


@contextmanager
def process_lock(path: Path, what: str) -> Iterator[None]:
    """Hold `path` as a lock file; the system frees it when the process dies.

    Raises DatabaseBusyError at once when another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise DatabaseBusyError(
                f"another {what} is running (process {file.read().strip() or 'unknown'})"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
