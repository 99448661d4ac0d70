"""A consistent copy of the database file, made while others continue to land.

The file is locked only during CHECKPOINT and while the changed blocks are copied again.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from python_ingest.errors import IngestError
from python_ingest.settings import Settings
from python_ingest.storage.writer import open_writer, require_database

# DuckDB's file: three headers of 4096 bytes, then blocks that begin with their 8-byte checksum.
_HEADERS_BYTES = 3 * 4096
_CHECKSUM_BYTES = 8
_FICLONE = 0x40049409
_AT_ONCE_BYTES = 1 << 30


@dataclass(frozen=True)
class Snapshot:
    """The moment of the copy (UTC), and how long it kept others from landing."""

    taken_at: datetime
    held_seconds: float


def copy_database(
    settings: Settings, target: Path, beside: Callable[[], None] = lambda: None
) -> Snapshot:
    """Copy the database to a new file as of one moment; `beside` is called at that moment.

    A block with the same checksum at both checkpoints was not written in between, so its copy is
    whole. The other blocks are copied again under the lock.
    Raises NotInitialisedError without a database, DatabaseBusyError when others hold it.
    """
    require_database(settings)
    while True:
        try:
            return _copy_database(settings, target, beside)
        except _ReplacedError:
            target.unlink()


class _ReplacedError(Exception):
    """`ingest compact` put another file in the database's place during the copy."""


def _copy_database(settings: Settings, target: Path, beside: Callable[[], None]) -> Snapshot:
    path = settings.database_path
    held: list[float] = []
    # Opened first and closed last: closing any descriptor of the file would free the lock that
    # DuckDB holds on it in this process.
    with path.open("rb") as source_file, target.open("xb") as copy_file:
        source, copy = source_file.fileno(), copy_file.fileno()
        with _checkpointed(settings, held, source) as (block_bytes, moment):
            before = _checksums(source, block_bytes)
            cloned = _clone(source, copy)
            if cloned:
                beside()
        if not cloned:
            _copy(source, copy, 0, _size(source))
            with _checkpointed(settings, held, source) as (block_bytes, moment):
                _copy_changed(source, copy, before, _checksums(source, block_bytes), block_bytes)
                beside()
        os.fsync(copy)
    return Snapshot(moment, max(held))


@contextmanager
def _checkpointed(
    settings: Settings, held: list[float], source: int
) -> Iterator[tuple[int, datetime]]:
    """Lock the file after a checkpoint; yields its block size and the time."""
    with open_writer(settings) as connection:
        started = time.monotonic()
        if not os.path.samestat(os.fstat(source), settings.database_path.stat()):
            raise _ReplacedError
        connection.execute("checkpoint")
        path = settings.database_path.resolve()  # the log lies beside what a link names
        log = path.with_name(path.name + ".wal")
        if log.exists() and log.stat().st_size:
            raise IngestError(f"{log} is not empty after a checkpoint; nothing was backed up")
        ((block_bytes, now),) = connection.execute(
            "select block_size, now()::timestamp from pragma_database_size()"
            " where database_name = current_database()"
        ).fetchall()
        yield int(block_bytes), now
    held.append(time.monotonic() - started)


def _size(file: int) -> int:
    return os.fstat(file).st_size


def _checksums(file: int, block_bytes: int) -> list[bytes]:
    places = range(_HEADERS_BYTES, _size(file), block_bytes)
    return [os.pread(file, _CHECKSUM_BYTES, place) for place in places]


def _clone(source: int, copy: int) -> bool:
    """Clone the file where the file system shares blocks (btrfs, xfs), which takes no time."""
    try:
        fcntl.ioctl(copy, _FICLONE, source)
    except OSError:
        return False
    return True


def _copy(source: int, copy: int, start: int, end: int) -> None:
    os.lseek(copy, start, os.SEEK_SET)
    while start < end:
        sent = os.sendfile(copy, source, start, min(end - start, _AT_ONCE_BYTES))
        if sent == 0:
            return  # the file became shorter
        start += sent


def _copy_changed(
    source: int, copy: int, before: list[bytes], now: list[bytes], block_bytes: int
) -> None:
    _copy(source, copy, 0, _HEADERS_BYTES)
    for number, checksum in enumerate(now):
        if number >= len(before) or before[number] != checksum:
            start = _HEADERS_BYTES + number * block_bytes
            _copy(source, copy, start, start + block_bytes)
    os.ftruncate(copy, _size(source))
