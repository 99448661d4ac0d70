"""The manifest of cold storage, `raw.cold_files`: which files there are and where they are read."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

import duckdb

from python_ingest.errors import ExportError
from python_ingest.storage.cold_place import is_remote
from python_ingest.storage.s3_session import read_s3
from python_ingest.storage.sql import dicts, value_of
from python_ingest.storage.statements import Statements

READABLE = "state in ('local', 'restored')"

SQL = Statements(Path(__file__).with_name("queries"), is_readable=READABLE)


@dataclass(frozen=True)
class ColdFile:
    """One readable file of the manifest; `columns` None: not looked up yet.

    `is_narrow`: written before decimals were widened (migration 008).
    """

    file_id: int
    path: str
    date: date
    rows: int
    checksum: str
    sha256: str
    columns: list[str] | None
    is_narrow: bool


def has_manifest(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the database knows cold files; one that was never migrated does not."""
    return exists(connection, "raw.cold_files")


def exists(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Return whether the database has a table `schema.name`."""
    return bool(value_of(connection, SQL.exists(), table.split(".")))


def readable_files(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    first: date | None = None,
    last: date | None = None,
    after_batch: int | None = None,
) -> list[ColdFile]:
    """Return the files of a relation that views read, oldest first.

    Only those of dates from first to last, and with rows of batches after `after_batch`.
    """
    found = connection.execute(SQL.readable_files(), [relation, first, last, after_batch])
    # A database that is being restored may be of an earlier version.
    rows = [{"is_narrow": True} | row for row in dicts(found)]
    return [ColdFile(**{each.name: row[each.name] for each in fields(ColdFile)}) for row in rows]


def readable_paths(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the paths of the files of all relations that views read, as in the manifest."""
    if not has_manifest(connection):
        return []
    return [path for (path,) in connection.execute(SQL.readable_paths()).fetchall()]


def archived_dates(
    connection: duckdb.DuckDBPyConnection, relation: str, first: date, last: date
) -> list[date]:
    """Return the dates from first to last of which rows lie in the archive only."""
    rows = connection.execute(SQL.archived_dates(), [relation, first, last]).fetchall()
    return [row[0] for row in rows]


def locations(
    connection: duckdb.DuckDBPyConnection, data_dir: Path, paths: Sequence[str]
) -> list[str]:
    """Return where files of the manifest are read: readers have working folders of their own.

    Where some lie on S3 the session learns to read them. Raises as `require_files`.
    """
    if any(is_remote(path) for path in paths):
        read_s3(connection)
    require_files(data_dir, paths)
    return [path if is_remote(path) else here(data_dir, path) for path in paths]


def here(data_dir: Path, path: str) -> str:
    """Return the whole name of a local cold file, `path` as in the manifest or whole already.

    A whole name may be of the folder in which DATA_DIR lay before it was moved or copied.
    """
    _, below, rest = path.rpartition("/cold/")
    return str(data_dir.resolve() / (f"cold/{rest}" if below else path))


def require_files(data_dir: Path, paths: Sequence[str]) -> None:
    """Raise ExportError when local files of the manifest are not there.

    So it is where a database was copied without its folder cold/.
    """
    gone = [path for path in paths if not is_remote(path) and not (data_dir / path).exists()]
    if gone:
        raise ExportError(
            f"the database names {len(gone)} cold files that are not there, the first is"
            f" {data_dir / gone[0]}: bring the folder cold/ that belongs to it, or restore a backup"
            " (docs/restore.md)"
        )
