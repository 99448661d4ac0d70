"""Cold files on S3 as DuckDB reads them: a read-only file system over obstore.

A cold file never changes, so what a listing said of one is kept. A file that is not in it was
written later: its relation's folder is listed again.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import obstore
from fsspec import AbstractFileSystem
from obstore.exceptions import BaseError

from python_ingest.storage.failures import first_line

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import S3Store


class _ObjectFile(io.RawIOBase):
    """One object, from which each read is one request."""

    def __init__(self, store: S3Store, bucket: str, key: str) -> None:
        self._store = store
        self._bucket = bucket
        self._key = key
        self._position = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("DuckDB seeks from the start")
        self._position = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        with _in_one_line(f"s3://{self._bucket}/{self._key}"):
            read = obstore.get_range(self._store, self._key, start=self._position, length=size)
        self._position += len(read)
        return bytes(read)


@contextmanager
def _in_one_line(place: str) -> Iterator[None]:
    """Say where it was that obstore failed; it prints what the server answered over many lines."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f"{place} is not there") from None
    except BaseError as error:
        raise OSError(f"{place}: {first_line(error)}") from None


class S3Files(AbstractFileSystem):  # type: ignore[misc]
    """Files `s3://bucket/key`, named literally; `open_bucket` gives a bucket's store."""

    protocol: str = "s3"
    cachable = False  # fsspec would hand out the first one made, whatever its credentials

    def __init__(self, open_bucket: Callable[[str], S3Store]) -> None:
        super().__init__()
        self._open_bucket = open_bucket
        self._stores: dict[str, S3Store] = {}
        self._listed: dict[str, ObjectMeta] = {}
        self._listing = threading.Lock()

    def glob(self, path: str, **_: Any) -> list[str]:
        """Return the file's name where it is there, else nothing."""
        name = str(self._strip_protocol(path))
        return [name] if self._find(name) else []

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return name, size and type of a file."""
        name = str(self._strip_protocol(path))
        return {"name": name, "size": self._require(name)["size"], "type": "file"}

    def modified(self, path: str) -> datetime:
        """Return when a file was written."""
        return self._require(str(self._strip_protocol(path)))["last_modified"]

    def _open(self, path: str, mode: str = "rb", **_: Any) -> _ObjectFile:
        if mode != "rb":
            raise PermissionError(f"s3://{path} is only read here")
        bucket, key = path.split("/", 1)
        return _ObjectFile(self._store(bucket), bucket, key)

    def _require(self, name: str) -> ObjectMeta:
        found = self._find(name)
        if found is None:
            raise FileNotFoundError(f"s3://{name} is not there")
        return found

    def _find(self, name: str) -> ObjectMeta | None:
        with self._listing:
            if name not in self._listed:
                bucket, _, key = name.partition("/")
                folder = key.partition("/date=")[0] if "/date=" in key else key.rpartition("/")[0]
                with _in_one_line(f"s3://{bucket}/{folder}"):
                    for page in obstore.list(self._store(bucket), folder):
                        for found in page:
                            self._listed[f"{bucket}/{found['path']}"] = found
            return self._listed.get(name)

    def _store(self, bucket: str) -> S3Store:
        if bucket not in self._stores:
            self._stores[bucket] = self._open_bucket(bucket)
        return self._stores[bucket]
