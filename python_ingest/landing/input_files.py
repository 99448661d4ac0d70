"""Files to be landed, each by itself or of a zip; of each a private copy is all that is read."""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from python_ingest.errors import DiskFullError, FileRejectedError
from python_ingest.feeds.unpack import is_zip, members
from python_ingest.landing import spool
from python_ingest.settings import Settings
from python_ingest.storage.disk_full import is_disk_full
from python_ingest.storage.files import copy_hashed


@dataclass(frozen=True)
class Pinned:
    """A copy at `path` that nobody else knows, of a file that was called `name`."""

    path: Path
    name: str
    sha256: str


def pin(path: Path, target: Path) -> Pinned:
    """Copy a file to `target`, hashed while it is copied.

    Raises FileRejectedError when there is no such file or it changed while it was copied,
    DiskFullError when there is no room for the copy.
    """
    require_file(path)
    try:
        file = path.open("rb")
    except OSError as error:
        raise FileRejectedError(f"cannot be read: {error.strerror}") from None
    with file:
        before = os.fstat(file.fileno())
        free = shutil.disk_usage(target.parent).free
        if free < before.st_size:
            raise DiskFullError(
                f"a copy of {before.st_size:,} bytes is needed,"
                f" {free:,} bytes are free in {target.parent}"
            )
        try:
            sha256 = copy_hashed(file, target, before.st_size)
        except OSError as error:
            if is_disk_full(error):
                raise
            raise FileRejectedError(f"cannot be copied: {error.strerror}") from None
        after = os.fstat(file.fileno())
    if _state(before) != _state(after) or not _is_same(path, after):
        raise FileRejectedError("it changed while it was read; land it when it is complete")
    return Pinned(target, path.name, sha256)


def name_of(path: Path) -> str:
    """Return a path as a text that can be printed and stored, whatever bytes it is made of."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")


def require_file(path: Path) -> None:
    """Raise FileRejectedError when there is no file that could be read as a whole."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        dangling = path.is_symlink()
        raise FileRejectedError(
            f"a link to {path.readlink()}, which is not there" if dangling else "no such file"
        ) from None
    except OSError as error:
        raise FileRejectedError(f"cannot be read: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        raise FileRejectedError("is a folder; name the files in it")
    if not stat.S_ISREG(mode):
        raise FileRejectedError("is a pipe or a device; write it to a file first")


def _state(of: os.stat_result) -> tuple[int, int, int, int, int]:
    # the last one shows a file that was written in place and given its former time back
    return of.st_dev, of.st_ino, of.st_size, of.st_mtime_ns, of.st_ctime_ns


def _is_same(path: Path, opened: os.stat_result) -> bool:
    """Tell whether a path still leads to the file that was opened."""
    try:
        return os.path.samestat(path.stat(), opened)
    except OSError:
        return False


@dataclass(frozen=True)
class InputFile:
    """A file, or one in the private copy of the zip at `path`, where it is called `inside`.

    `several`: it is one of several with data. `no_data` says why it is none, if so.
    """

    path: Path
    zip: Pinned | None = None
    inside: str | None = None
    several: bool = False
    no_data: str | None = None

    @property
    def name(self) -> str:
        """What it is called in the manifest; one of several in a zip with its name there."""
        return self.whole_name if self.several or self.no_data else name_of(self.path)

    @property
    def whole_name(self) -> str:
        """Its path, and its name in the zip."""
        return name_of(self.path) + (f"/{self.inside}" if self.inside else "")


@contextmanager
def files_in(settings: Settings, path: Path) -> Iterator[Sequence[InputFile]]:
    """Copy and list a zip once for all its files; a file that is no zip stands for itself.

    Raises FileRejectedError as `pin` and `members` do. The copy is gone afterwards.
    """
    require_file(path)
    try:
        is_one = is_zip(path)
    except OSError as error:
        raise FileRejectedError(f"cannot be read: {error.strerror}") from None
    if not is_one:
        yield [InputFile(path)]
        return
    with spool.scratch(settings) as folder:
        pinned = pin(path, folder / "pinned")
        files = members(pinned.path)
        several = sum(no_data is None for _, no_data in files) > 1
        yield [InputFile(path, pinned, name, several, no_data) for name, no_data in files]
