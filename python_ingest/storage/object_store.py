"""Immutable objects under keys, in a directory or an S3-compatible store.

An object appears whole or not at all and is never replaced: putting the same content again is
harmless, other content under a taken key is an error.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from python_ingest.errors import ConfigError, StoreError
from python_ingest.extras import require
from python_ingest.storage.failures import first_line
from python_ingest.storage.files import make_folder, place_new, sha256_of, sync_to_disk

_CHUNK_BYTES = 8 << 20
_UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class StoredObject:
    """What a store says of an object."""

    key: str
    bytes: int


class ObjectStore(Protocol):
    """The one interface to where backups and archived files lie.

    Keys are relative paths with `/`. Every method raises StoreError that names the place.
    """

    url: str

    def workspace(self, otherwise: Path) -> Path:
        """Return the folder where files are best made that are put with `consume`."""
        return otherwise

    def put(self, source: Path, key: str, *, sha256: str, consume: bool = False) -> None:
        """Store a file of this hex sha256 durably; when this returns the store has verified it.

        `consume`: the caller needs the file no longer, it may be moved.
        """

    def put_bytes(self, content: bytes, key: str) -> None:
        """Store a small text."""

    def read(self, key: str) -> Iterator[bytes]:
        """Yield an object's bytes in chunks."""

    def stat(self, key: str) -> StoredObject | None:
        """Return what is known of an object, None when there is none."""

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose key begins with `prefix`, sorted by key."""

    def delete(self, key: str) -> None:
        """Remove an object; harmless when it is gone."""

    def make_readable(self, key: str, days: int) -> bool:
        """Ask for an object of an archive class; return whether it can be read now."""
        return True


def fetch(store: ObjectStore, key: str, target: Path) -> str:
    """Write an object to a new file, durably; return the hex sha256 of what was written."""
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file, ThreadPoolExecutor(1) as hashing:
        hashed: Future[None] | None = None
        for chunk in store.read(key):
            if hashed:
                hashed.result()
            hashed = hashing.submit(digest.update, chunk)  # while it is written
            file.write(chunk)
        if hashed:
            hashed.result()
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def sha256_of_object(store: ObjectStore, key: str) -> str:
    """Return the hex sha256 of an object's bytes as they are now."""
    digest = hashlib.sha256()
    for chunk in store.read(key):
        digest.update(chunk)
    return digest.hexdigest()


def open_store(url: str, storage_class: str = "") -> ObjectStore:
    """Return the store at `s3://bucket/prefix` or in a directory.

    `storage_class`: of the files that are put on S3; empty: the server's own. A directory has none.
    Raises ConfigError when the address is none, or S3's credentials are not in the environment,
    UsageError where the extra [s3] is not installed.
    """
    if url.startswith("s3://"):
        require("s3", url)
        # boto3 takes most of a second to import
        from python_ingest.storage.s3_store import S3Store  # noqa: PLC0415

        return S3Store(url, storage_class)
    if "://" in url or not url:
        raise ConfigError(f"{url!r} is no store: give a directory or s3://bucket/prefix")
    return DirectoryStore(Path(url.removesuffix("/")))


class DirectoryStore(ObjectStore):
    """Objects as files below a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def workspace(self, otherwise: Path) -> Path:
        """Below the directory itself: from there a file is moved, not copied."""
        return self.root / _UNFINISHED

    def put(self, source: Path, key: str, *, sha256: str, consume: bool = False) -> None:
        """Move or copy a file into place; a copy is read back."""
        with self._complaints(key):
            if self._is_there(key, sha256):
                return
            with self._unfinished() as unfinished:
                try:
                    if not consume:
                        raise OSError
                    os.link(source, unfinished)
                except OSError:
                    shutil.copyfile(source, unfinished)
                    if sha256_of(unfinished) != sha256:
                        raise StoreError(
                            f"{source} does not have the sha256 {sha256}, or was not copied"
                            f" rightly to {self.root}"
                        ) from None
                self._place(unfinished, key)
            if consume:
                source.unlink()

    def put_bytes(self, content: bytes, key: str) -> None:
        """Write a small file."""
        with self._complaints(key):
            if self._is_there(key, hashlib.sha256(content).hexdigest()):
                return
            with self._unfinished() as unfinished:
                unfinished.write_bytes(content)
                self._place(unfinished, key)

    def read(self, key: str) -> Iterator[bytes]:
        """Yield a file's bytes."""
        with self._complaints(key), self._path(key).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk

    def stat(self, key: str) -> StoredObject | None:
        """Return a file's size."""
        with self._complaints(key), suppress(FileNotFoundError, NotADirectoryError):
            return StoredObject(key, self._path(key).stat().st_size)
        return None

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the files, without unfinished ones."""
        with self._complaints(prefix):
            # only the folder that the prefix names: a store may hold many backups
            folder = self.root / prefix.rpartition("/")[0]
            keys = sorted(
                path.relative_to(self.root).as_posix()
                for path in folder.rglob("*")
                if path.is_file() and _UNFINISHED not in path.relative_to(self.root).parts
            )
        for key in keys:
            if key.startswith(prefix) and (found := self.stat(key)):
                yield found

    def delete(self, key: str) -> None:
        """Remove a file and the folders that it leaves empty."""
        with self._complaints(key):
            path = self._path(key)
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == self.root:
                    break
                try:
                    folder.rmdir()
                except OSError:
                    break

    def _path(self, key: str) -> Path:
        if key.startswith("/") or {"", ".", ".."} & set(key.split("/")):
            raise StoreError(f"{key!r} is no key of {self.root}")
        return self.root / key

    @contextmanager
    def _unfinished(self) -> Iterator[Path]:
        path = self.root / _UNFINISHED / f"{os.getpid()}-{time.time_ns()}"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _is_there(self, key: str, sha256: str) -> bool:
        path = self._path(key)
        if not path.exists():
            return False
        if sha256_of(path) == sha256:
            return True
        raise StoreError(f"{path} is there already with other content; nothing was replaced")

    def _place(self, unfinished: Path, key: str) -> None:
        path = self._path(key)
        make_folder(path.parent)
        sync_to_disk(unfinished)
        place_new(unfinished, path)

    @contextmanager
    def _complaints(self, key: str) -> Iterator[None]:
        place = f"{self.root}/{key}"
        try:
            yield
        except FileNotFoundError as error:
            raise StoreError(f"{error.filename or place}: is not there") from error
        except PermissionError as error:  # it may be the source's
            raise StoreError(first_line(error)) from error
        except OSError as error:
            raise StoreError(f"{place}: {error.strerror or error}") from error
