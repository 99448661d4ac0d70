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


def is_locked(path: Path) -> bool | None:
    """Whether some process holds a lock on a file, such as DuckDB's on its database.

    None where the system does not tell. It only looks: to open and close the file would drop
    every lock that this process itself has on it.
    """
    try:
        found = path.stat()
        locks = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    return any(device in line.split() for line in locks)
