"""The published file, attached to an empty engine; an identity tells one publication from another.

engine = attached(settings, threads=2, memory_mb=1000)
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from python_ingest.errors import NotPublishedError
from python_ingest.settings import Settings
from python_ingest.storage import writer
from python_ingest.storage.failures import as_database_error
from python_ingest.storage.writer import session_config

FileIdentity = tuple[int, int, int, int]


def identity_of(path: Path) -> FileIdentity:
    """Return an identity that changes when another publication replaces the file.

    Raises NotPublishedError when there is none.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - on every query, and twice as fast as Path.stat
    except FileNotFoundError:
        raise NotPublishedError(f"{path} is not there yet: run `ingest cycle`") from None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def attached(
    settings: Settings, threads: int, memory_mb: int, catalog: str = ""
) -> duckdb.DuckDBPyConnection:
    """Return an empty engine with the published file attached read only.

    `catalog`: under this name, else under its own.

    Connecting to the path would return the engine that still has the former file open.
    Raises QueryError or NotPublishedError when it cannot be opened.
    """
    path = settings.published_path
    config = session_config(settings) | {"threads": threads, "memory_limit": f"{memory_mb}MB"}
    try:
        return writer.attached(path, catalog or path.stem, config)
    except duckdb.Error as error:
        raise as_database_error(error) from error


@contextmanager
def opened(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a read-only connection to the publication, its catalog the default.

    Raises NotPublishedError where there is none, DatabaseError where it cannot be read.
    """
    if not published.exists():
        raise NotPublishedError(f"{published} is not there yet: run `ingest cycle`")
    try:
        with writer.attached(published, "published", {}) as connection:
            connection.execute("use published")
            yield connection
    except duckdb.Error as error:
        raise as_database_error(error) from error
