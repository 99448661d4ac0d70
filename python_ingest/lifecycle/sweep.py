"""Delete cold files that nobody reads any more, and leftovers of killed exports."""

import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from python_ingest.lifecycle.unknown_files import require_leftovers
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import READABLE, has_manifest
from python_ingest.storage.cold_place import is_remote, key_of, store_of
from python_ingest.storage.files import clear_unfinished
from python_ingest.storage.process_lock import cold_files_may_go
from python_ingest.storage.writer import open_writer, transaction


@dataclass(frozen=True)
class Swept:
    """Files deleted and their bytes; `waits`: none, since a bundle or a backup copies some."""

    files: int = 0
    bytes: int = 0
    waits: bool = False


def sweep(settings: Settings, published: Collection[str]) -> Swept:
    """Delete files that are replaced or archived, and unknown local ones, if not in `published`.

    `published`: paths that kept publications name. The database is locked meanwhile, so that no
    export is between writing its files and recording them. Raises ExportError, and deletes nothing,
    where a file that the database does not name may be the only copy of a row.
    """
    with open_writer(settings) as connection:
        if not has_manifest(connection):
            return Swept()
        with cold_files_may_go(settings.data_dir) as may_go:
            if not may_go:
                return Swept(waits=True)
            return _swept(connection, settings.data_dir, published)


def _swept(
    connection: duckdb.DuckDBPyConnection, data_dir: Path, published: Collection[str]
) -> Swept:
    cold = data_dir / "cold"
    manifest = connection.execute(
        f"select path, {READABLE}, bytes, removed_at is null, object_url from raw.cold_files"
    ).fetchall()
    local = {str(path.relative_to(data_dir)) for path in cold.glob("*/date=*/**/*.parquet")}
    require_leftovers(connection, data_dir, local - {path for path, *_ in manifest})
    clear_unfinished(cold / "tmp")
    kept = {path for path, is_read, *_ in manifest if is_read}.union(published)
    files = size = 0
    removed = []
    for name, _, size_of_it, is_there, archived_to in manifest:
        if not is_there or name in kept:
            continue
        if not is_remote(name):
            if name not in local:  # a sweep may have been killed before it said so
                removed.append(name)
        elif name != archived_to:
            store_of(name).delete(key_of(name))
            files, size = files + 1, size + size_of_it
            removed.append(name)
    for name in sorted(local - kept):
        path = data_dir / name
        files, size = files + 1, size + path.stat().st_size
        path.unlink()
        removed.append(name)
    _remove_empty_days(cold)
    with transaction(connection):
        connection.execute(
            "update raw.cold_files set removed_at = now()::timestamp"
            " where path in (select unnest(?::varchar[])) and removed_at is null",
            [removed],
        )
    return Swept(files, size)


def _remove_empty_days(cold: Path) -> None:
    """Remove the folders of days that hold nothing, or there is one more for each day for ever.

    Nobody makes one meanwhile: an export holds the database, who brings days back the cold lock.
    """
    for day in cold.glob("*/date=*"):
        for folder, _, files in os.walk(day, topdown=False):
            if not files:
                with suppress(OSError):  # other folders are in it
                    Path(folder).rmdir()
