"""Files that appear whole or not at all, and their checksums."""

import errno
import fcntl
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from python_ingest.storage.disk_full import named

_BLOCK = 1 << 24
_LOCK = ".lock"
_CANNOT_SHARE = (
    None,
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.EBADF,
    errno.EPERM,
)


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_hashed(source: BinaryIO, target: Path, size: int) -> str:
    """Copy the first `size` bytes of an open file; return the hex sha256 of the copy's bytes.

    Where the file system can share blocks, the copy takes no room of its own.
    """
    digest = hashlib.sha256()
    copied = 0
    with target.open("xb+", buffering=0) as copy:
        while block := _copy_block(source.fileno(), copy.fileno(), copied, size - copied):
            digest.update(block)
            copied += len(block)
    return digest.hexdigest()


def _copy_block(source: int, target: int, at: int, left: int) -> bytes:
    """Copy a block at a place of two files; return it as it is read from the target."""
    size = min(left, _BLOCK)
    try:
        number = os.copy_file_range(source, target, size, at, at)
        if number:
            return os.pread(target, number, at)
    except (AttributeError, OSError) as error:  # AttributeError: not on this system
        if getattr(error, "errno", None) not in _CANNOT_SHARE:
            raise
    # at the end, or where nothing is copied this way
    block = os.pread(source, size, at)
    written = 0
    while written < len(block):
        written += os.pwrite(target, block[written:], at + written)
    return os.pread(target, len(block), at)


def sync_to_disk(path: Path) -> None:
    """Flush a file's, or a folder's, content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_into_place(temporary: Path, final: Path) -> None:
    """Make a finished file durable under its final name, replacing what was there."""
    sync_to_disk(temporary)
    temporary.replace(final)
    sync_to_disk(final.parent)


def place_new(finished: Path, final: Path) -> None:
    """Name a file that was flushed, durably; FileExistsError where there is one of that name."""
    try:
        os.link(finished, final)  # unlike a rename it never replaces
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from None
        finished.rename(final)
    sync_to_disk(final.parent)


def write_whole(path: Path, text: str) -> None:
    """Write a small text durably: killed or without room, the file has what it had before."""
    temporary = path.with_name(f".{path.name}.tmp")
    with named(path):
        try:
            temporary.write_text(text, encoding="utf-8")
            move_into_place(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def make_folder(folder: Path) -> None:
    """Make a folder and those above it durable; harmless when they are there."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_to_disk(path.parent)


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A folder below `parent` for unfinished files; gone afterwards, as what killed ones left is.

    A lock on the file beside it says that it is in use. The system frees a lock when its holder
    dies, in whatever container that ran.
    """
    make_folder(parent)
    clear_unfinished(parent)
    name = f"{time.time_ns()}-{uuid.uuid4().hex[:12]}"
    lock, folder = parent / f"{name}{_LOCK}", parent / name
    with held(lock):
        try:
            folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


@contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """A scratch folder beside a file or folder that is being made, on the same disk."""
    parent = path.with_name(f".{path.name}.unfinished")
    try:
        with scratch(parent) as folder:
            yield folder
    finally:
        with suppress(OSError):  # another one of this name is being made
            parent.rmdir()


def clear_unfinished(parent: Path) -> None:
    """Remove the scratch folders below `parent` that nobody holds any more."""
    for path in parent.glob("*"):
        name = path.name.removesuffix(_LOCK)
        lock = hold_free(parent / f"{name}{_LOCK}")
        if lock is None:
            continue
        shutil.rmtree(parent / name, ignore_errors=True)
        (parent / f"{name}{_LOCK}").unlink(missing_ok=True)
        os.close(lock)


def clear_beside(path: Path) -> None:
    """Remove what killed ones left beside a file or folder that they were making."""
    parent = path.with_name(f".{path.name}.unfinished")
    clear_unfinished(parent)
    with suppress(OSError):  # none, or one is being made
        parent.rmdir()


def remove_folder(folder: Path) -> None:
    """Remove a folder, but files that others read from NFS (`.nfs*`): a later call removes them.

    Raises OSError where something else stays.
    """
    shutil.rmtree(folder, ignore_errors=True)
    files = (path for path in folder.rglob("*") if not path.is_dir())
    if any(not path.name.startswith(".nfs") for path in files):
        shutil.rmtree(folder)  # says why


def hold(path: Path) -> int:
    """Make a lock file and hold it; made again if somebody cleared it before it was held."""
    while True:
        descriptor = locked(path, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a lock file until the block ends; wait while somebody else does. Makes its folder."""
    make_folder(path.parent)
    lock = hold(path)
    try:
        yield
    finally:
        os.close(lock)


def hold_free(path: Path) -> int | None:
    """Hold a lock file that nobody holds; None when somebody does, or the system refuses."""
    try:
        return locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return None


def locked(path: Path, how: int, mode: int = os.O_RDWR) -> int:
    """Return the descriptor of a lock file that is held as `flock` says; to close it frees it."""
    descriptor = os.open(path, mode | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, how)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
