"""A full disk is told as what it is, by every command; imported without the engine."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from python_ingest.errors import FREE_SPACE, DiskFullError, IngestError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SIGNS_OF_NO_ROOM = (
    *(os.strerror(number).lower() for number in _NO_ROOM),
    "max_temp_directory_size",
)


def is_disk_full(error: BaseException | None) -> bool:
    """Tell whether an error, or what it came of, is that there was no room for a file.

    So it is on a full disk, by a quota or a limit of a file's size, and in DuckDB's own folder of
    temporary files.
    """
    if error is None:
        return False
    text = str(error).lower()
    return (
        isinstance(error, DiskFullError)
        or getattr(error, "errno", None) in _NO_ROOM
        or any(sign in text for sign in _SIGNS_OF_NO_ROOM)
        or is_disk_full(error.__cause__)
    )


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Name the file in an error of the system, which does so itself only where it opens one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def in_full(error: IngestError, cause: BaseException | None = None) -> IngestError:
    """Return the error, as a DiskFullError where a full disk caused it: that says what to do."""
    if FREE_SPACE not in str(error) and (is_disk_full(error) or is_disk_full(cause)):
        return DiskFullError(str(error))
    return error
