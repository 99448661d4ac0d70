"""Cold files in a backup: put into its store, found in the archive, restored to their place."""

from datetime import datetime
from pathlib import Path

import duckdb

from python_ingest.errors import BackupError
from python_ingest.recovery.manifest import ArchivedFile, ColdFile, StoredFile
from python_ingest.recovery.sets import COLD
from python_ingest.storage.cold_files import READABLE, has_manifest
from python_ingest.storage.cold_place import brought_near, is_remote
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.cold_views import view_columns
from python_ingest.storage.object_store import ObjectStore
from python_ingest.storage.sql import value_of


def cold_files(connection: duckdb.DuckDBPyConnection) -> list[ColdFile]:
    """Return the files that the database reads, each with its place in a store."""
    if not has_manifest(connection):
        return []
    rows = connection.execute(
        f"select path, bytes, sha256 from raw.cold_files where {READABLE} order by path"
    ).fetchall()
    return [
        ColdFile(
            path=path,
            file=StoredFile(key=f"{COLD}/{sha256}.parquet", bytes=size, sha256=sha256),
        )
        for path, size, sha256 in rows
    ]


def archived_files(connection: duckdb.DuckDBPyConnection) -> list[ArchivedFile]:
    """Return the files that only the archive has."""
    if not has_manifest(connection):
        return []
    rows = connection.execute(
        "select object_url, bytes, sha256 from raw.cold_files where state = 'archived' order by all"
    ).fetchall()
    return [ArchivedFile(url=url, bytes=size, sha256=sha256) for url, size, sha256 in rows]


def cold_views(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str]]]:
    """Return the columns of each view over cold files."""
    found = {name: view_columns(connection, name) for name in RELATIONS}
    return {name: columns for name, columns in found.items() if columns}


def put_cold_files(
    store: ObjectStore, data_dir: Path, files: list[ColdFile], known: set[str], folder: Path
) -> None:
    """Upload the cold files that the store lacks; `known`: its keys, `folder`: scratch space.

    Raises BackupError when a file is not there, ExportError when one on S3 was changed.
    """
    for cold in files:
        if cold.file.key in known:
            continue
        path = brought_near(data_dir, cold.path, cold.file.sha256, folder)
        if not path.exists():
            raise BackupError(
                f"{path} is in the manifest of cold files and is not there: bring the folder cold/"
                " that belongs to the database, or restore a former backup (docs/restore.md)"
            )
        store.put(path, cold.file.key, sha256=cold.file.sha256, consume=is_remote(cold.path))


def archive_event(connection: duckdb.DuckDBPyConnection, after: datetime) -> datetime | None:
    """Return when cold files were first archived or brought back after a moment.

    From then on, landing refuses rows of other partitions than before.
    """
    if not has_manifest(connection):
        return None
    first: datetime | None = value_of(
        connection,
        "select min(event) from (select unnest([archived_at, restored_at]) as event"
        " from raw.cold_files) where event > ?",
        [after],
    )
    return first
