"""Which version schema `raw` of a database has, and which this code knows."""

from functools import cache
from importlib import resources

import duckdb

from python_ingest.errors import NotInitialisedError
from python_ingest.storage.cold_files import exists
from python_ingest.storage.sql import value_of


@cache
def migrations() -> list[tuple[int, str, str]]:
    """Return (version, name, SQL) of every migration, in order."""
    folder = resources.files("python_ingest.schema") / "migrations"
    files = sorted(
        (item for item in folder.iterdir() if item.name.endswith(".sql")), key=lambda i: i.name
    )
    return [
        (int(item.name[:3]), item.name.removesuffix(".sql"), item.read_text(encoding="utf-8"))
        for item in files
    ]


def current_version(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the version of schema `raw` in this database; 0 when there is none."""
    if not exists(connection, "raw.schema_versions"):
        return 0
    return int(value_of(connection, "select max(version) from raw.schema_versions") or 0)


def require_current(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise NotInitialisedError unless the database has the schema that this code knows."""
    version, known = current_version(connection), migrations()[-1][0]
    if version < known:
        raise NotInitialisedError(
            f"the database has schema version {version}, this code needs {known}: run `ingest init`"
        )
    if version > known:
        raise NotInitialisedError(
            f"the database has schema version {version}, this code knows {known}: update the code"
        )
