"""Who copies cold files keeps them from being deleted meanwhile; a lock file, `cold.lock`, says so.

A publication, or a copy of the database, names cold files that later ones replace. A copy of its
rows may take longer than the publication is kept.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAME = "cold.lock"
_CANNOT_WRITE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT)


@contextmanager
def cold_files_stay(data_dir: Path) -> Iterator[None]:
    """Until its end nobody deletes a cold file of `data_dir`; waits for a sweep that runs.

    Any number may hold it. Where the folder cannot be written, and so has no lock, it holds none.
    """
    try:
        descriptor = os.open(data_dir / _NAME, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def cold_files_may_go(data_dir: Path) -> Iterator[bool]:
    """Yield whether cold files may be deleted until its end: nobody copies them."""
    descriptor = os.open(data_dir / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
