"""Delete cold files that nobody reads any more, and leftovers of killed exports."""

import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from python_ingest.errors import ExportError
from python_ingest.lifecycle.query import SQL
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import exists, has_manifest
from python_ingest.storage.cold_place import is_remote, key_of, store_of
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.cold_views import scan, view_columns
from python_ingest.storage.failures import raise_if_interrupted
from python_ingest.storage.files import clear_unfinished
from python_ingest.storage.process_lock import cold_files_may_go
from python_ingest.storage.s3_session import read_s3_where_named
from python_ingest.storage.sql import columns_of, quoted, sql_path
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
    manifest = connection.execute(SQL.manifest()).fetchall()
    local = {str(path.relative_to(data_dir)) for path in cold.glob("*/date=*/**/*.parquet")}
    _require_leftovers(connection, data_dir, local - {path for path, *_ in manifest})
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
        connection.execute(SQL.note_swept(), {"paths": removed})
    return Swept(files, size)


def _require_leftovers(
    connection: duckdb.DuckDBPyConnection, data_dir: Path, unknown: Collection[str]
) -> None:
    """Raise ExportError unless the database has every row of these files, which it does not name.

    A killed export wrote them and did not commit, so it has. A database that was put back from
    before they were written, or made anew, has not: they are the only copy. One that cannot be read
    may be that too.
    """
    if not unknown:
        return
    read_s3_where_named(connection)
    only = [path for path in sorted(unknown) if not _is_elsewhere(connection, data_dir, path)]
    if only:
        raise ExportError(
            f"{len(only)} cold files that the database does not name have rows that it lacks, the"
            f" first is {data_dir / only[0]}; no file was deleted. If the database is new or an"
            " older copy, put back the newest one or restore a backup (docs/restore.md); else move"
            " these files away"
        )


def _is_elsewhere(connection: duckdb.DuckDBPyConnection, data_dir: Path, path: str) -> bool:
    """Whether the database has every row of a file: warm, or in files that it reads."""
    _, name, folder, *_ = Path(path).parts
    relation = RELATIONS.get(name)
    if relation is None or not exists(connection, relation.home):
        return False
    try:
        day = date.fromisoformat(folder.removeprefix("date="))
        place = data_dir / path
        in_file = columns_of(
            connection, f"from read_parquet({sql_path(place)}, hive_partitioning = false)"
        )
        # A row that is restated may be equal and built anew.
        columns = [
            (column, kind)
            for column, kind in view_columns(connection, name)
            if column in in_file and not (relation.restated and column.startswith("built_"))
        ]
        if not columns:
            return False
        lacking = SQL.lacking(
            in_file=scan(columns, [str(place)]),
            names=", ".join(quoted(column) for column, _ in columns),
            home=relation.home,
            view=f"cold.{quoted(name)}",
            time=quoted(relation.time),
            day=str(day),
        )
        return not connection.execute(lacking).fetchall()
    except (duckdb.Error, ValueError) as error:
        raise_if_interrupted(error)
        return False


def _remove_empty_days(cold: Path) -> None:
    """Remove the folders of days that hold nothing, or there is one more for each day for ever.

    Nobody makes one meanwhile: an export holds the database, who brings days back the cold lock.
    """
    for day in cold.glob("*/date=*"):
        for folder, _, files in os.walk(day, topdown=False):
            if not files:
                with suppress(OSError):  # other folders are in it
                    Path(folder).rmdir()
