"""Delete cold files that nobody reads any more, and leftovers of killed exports."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from python_ingest.settings import Settings
from python_ingest.storage.cold_files import READABLE, has_manifest
from python_ingest.storage.cold_place import is_remote, key_of, store_of
from python_ingest.storage.files import clear_unfinished
from python_ingest.storage.sql import value_of
from python_ingest.storage.writer import open_writer, transaction


@dataclass(frozen=True)
class Swept:
    """Files deleted and their bytes; `foreign`: files left that another database wrote."""

    files: int
    bytes: int
    foreign: int = 0


def sweep(settings: Settings, published: Collection[str]) -> Swept:
    """Delete files that are replaced or archived, and unknown local ones, if not in `published`.

    `published`: paths that kept publications name. The database is locked meanwhile, so that no
    export is between writing its files and recording them. Unknown files that are older than the
    database are of one that lay here before, and may hold the only copy of its rows: they stay.
    """
    cold = settings.data_dir / "cold"
    files = size = foreign = 0
    with open_writer(settings) as connection:
        if not has_manifest(connection):
            return Swept(0, 0)
        clear_unfinished(cold / "tmp")
        manifest = connection.execute(
            f"select path, {READABLE}, bytes, removed_at is null, object_url from raw.cold_files"
        ).fetchall()
        known = {path for path, *_ in manifest}
        made_at = value_of(connection, "select epoch(min(applied_at)) from raw.schema_versions")
        readable = {path for path, is_read, *_ in manifest if is_read}
        removed = []
        for name, _, size_of_it, is_there, archived_to in manifest:
            if not is_there or name in readable or name in published:
                continue
            if not is_remote(name):
                # a sweep may have been killed before it said so
                if not (settings.data_dir / name).exists():
                    removed.append(name)
            elif name != archived_to:
                store_of(name).delete(key_of(name))
                files, size = files + 1, size + size_of_it
                removed.append(name)
        for path in sorted(cold.glob("*/date=*/**/*.parquet")):
            name = str(path.relative_to(settings.data_dir))
            if name in readable or name in published:
                continue
            if name not in known and path.stat().st_mtime < made_at:
                foreign += 1
                continue
            files, size = files + 1, size + path.stat().st_size
            path.unlink()
            removed.append(name)
        with transaction(connection):
            connection.execute(
                "update raw.cold_files set removed_at = now()::timestamp"
                " where path in (select unnest(?::varchar[])) and removed_at is null",
                [removed],
            )
    return Swept(files, size, foreign)
