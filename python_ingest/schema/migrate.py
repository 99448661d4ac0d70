"""Bring schema `raw` to the newest version, one numbered SQL file after the other."""

from __future__ import annotations

from importlib import resources

import duckdb

from python_ingest.errors import NotInitialisedError
from python_ingest.schema.built_tables import take_over
from python_ingest.schema.wide_tables import widen
from python_ingest.storage.writer import transaction

_AND_THEN = {"006_chains": take_over, "008_wide_decimals": widen}  # what SQL cannot say
_VERSIONS = """
create schema if not exists raw;
create table if not exists raw.schema_versions (
    version integer primary key,
    name varchar not null,
    applied_at timestamp not null
);
"""


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
    exists = connection.execute(
        "select count(*) from duckdb_tables() where database_name = current_database()"
        " and schema_name = 'raw' and table_name = 'schema_versions'"
    ).fetchone()
    if not exists or not exists[0]:
        return 0
    row = connection.execute("select max(version) from raw.schema_versions").fetchone()
    return int(row[0] or 0) if row else 0


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


def migrate(connection: duckdb.DuckDBPyConnection, up_to: int | None = None) -> list[str]:
    """Apply what is missing, each migration in a transaction of its own; return their names.

    `up_to`: stop at this version, as an older backup needs it.
    Raises NotInitialisedError when the database is newer than this code.
    """
    version = current_version(connection)
    known = migrations()
    if version > known[-1][0]:
        require_current(connection)
    applied = []
    for number, name, sql in known:
        if number <= version or (up_to is not None and number > up_to):
            continue
        with transaction(connection):
            connection.execute(_VERSIONS)
            connection.execute(sql)
            if name in _AND_THEN:
                _AND_THEN[name](connection)
            connection.execute(
                "insert into raw.schema_versions values (?, ?, now()::timestamp)", [number, name]
            )
        applied.append(name)
    return applied
