"""One process at a time for work that must not overlap; and cold files stay while one copies them.

A publication, or a copy of the database, names cold files that later ones replace. A copy of its
rows may take longer than the publication is kept: a lock file, `cold.lock`, says so.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import TextIO

from python_ingest.errors import DatabaseBusyError
from python_ingest.storage.disk_full import named
from python_ingest.storage.files import locked

_OURS = ("ingest", "dbt")
_SHOWN = 80  # characters of a command
_COLD = "cold.lock"
_CANNOT_WRITE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT)


class HeldError(Exception):
    """Another process holds a lock file; the text is its number."""


def _locked(path: Path) -> TextIO:
    """Open and lock a file with our process's number in it; closing it frees it."""
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with file:
            file.seek(0)
            raise HeldError(file.read().strip() or "unknown") from None
    with named(path):
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
    return file


@contextmanager
def process_lock(path: Path, what: str) -> Iterator[None]:
    """Hold `path` as a lock file; the system frees it when the process dies.

    Raises DatabaseBusyError at once when another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = _locked(path)
    except HeldError as held:
        holder = f"process {held} ({command_of(str(held))})"
        raise DatabaseBusyError(
            f"another {what} is running, {holder}: run this again when it has ended"
        ) from None
    with file:
        yield


class SharedLock:
    """A lock file that belongs to the whole process, however many of its threads hold it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[Path, tuple[TextIO, int]] = {}

    @contextmanager
    def held(self, path: Path) -> Iterator[None]:
        """Hold `path`. Raises HeldError at once when another process does."""
        with ExitStack() as stack:
            with self._lock:
                file, holders = self._held.get(path) or (_locked(path), 0)
                self._held[path] = file, holders + 1
                stack.callback(self._release, path)
            yield

    def is_held(self, path: Path) -> bool:
        """Whether this process holds `path`."""
        return path in self._held

    def _release(self, path: Path) -> None:
        with self._lock:
            file, holders = self._held.pop(path)
            if holders > 1:
                self._held[path] = file, holders - 1
            else:
                file.close()


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


def command_of(process: str) -> str:
    """Return what a process was called with; `gone` where there is none, or none to be seen."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "gone"
    start = next((at for at, word in enumerate(words) if Path(word).name in _OURS), 0)
    # a program in the command's own words is no name of it
    plain = [word if "\n" not in word else "..." for word in words[start + 1 :]]
    return " ".join([Path(words[start]).name, *plain]).strip()[:_SHOWN] or "gone"


@contextmanager
def cold_files_stay(data_dir: Path) -> Iterator[None]:
    """Until its end nobody deletes a cold file of `data_dir`; waits for a sweep that runs.

    Any number may hold it. Where the folder cannot be written, and so has no lock, it holds none.
    """
    with ExitStack() as held:
        try:
            held.callback(os.close, locked(data_dir / _COLD, fcntl.LOCK_SH, os.O_RDONLY))
        except OSError as error:
            if error.errno not in _CANNOT_WRITE:
                raise
        yield


@contextmanager
def cold_files_may_go(data_dir: Path) -> Iterator[bool]:
    """Yield whether cold files may be deleted until its end: nobody copies them."""
    with ExitStack() as held:
        may_go = True
        try:
            held.callback(os.close, locked(data_dir / _COLD, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            may_go = False
        yield may_go
