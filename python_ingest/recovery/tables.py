"""A database's tables as Parquet files, and back."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from python_ingest.errors import BackupDamagedError
from python_ingest.recovery.manifest import StoredFile, Table
from python_ingest.schema.migrate import migrate
from python_ingest.storage.files import sha256_of
from python_ingest.storage.sql import columns_of, quoted, rows_and_checksum, sql_path

# Integers that Parquet lacks (it would hold doubles), at any depth of a type.
_WIDE = re.compile(r"\bU?HUGEINT\b(?=[,)\[]|$)")


def table_names(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Return (schema, name, DDL) of every table of the current database."""
    return connection.execute(
        "select schema_name, table_name, sql from duckdb_tables()"
        " where database_name = current_database() and not internal and not temporary order by all"
    ).fetchall()


def export_tables(
    connection: duckdb.DuckDBPyConnection, folder: Path, put: Callable[[Path, str], StoredFile]
) -> Iterator[Table]:
    """Write every table to `<schema>.<table>.parquet`; each is read back, compared and put away.

    `put`: given a file and its sha256.
    Reading every row also has DuckDB verify the checksum of every block it lies in.
    """
    with ThreadPoolExecutor(1) as hashing:
        for schema, name, ddl in table_names(connection):
            table = f"{quoted(schema)}.{quoted(name)}"
            path = folder / f"{schema}.{name}.parquet"
            wide = _wide_columns(connection, table)
            connection.execute(
                f"copy (select {_replaced(_as_text(wide))} from {table}) to {sql_path(path)}"
                " (format parquet, compression zstd, compression_level 3)"
            )
            sha256 = hashing.submit(sha256_of, path)
            rows, checksum = rows_and_checksum(connection, table)
            back = f"(select {_replaced(wide)} from {_read(path)})"
            if rows_and_checksum(connection, back) != (rows, checksum):
                raise BackupDamagedError(f"{path} does not hold what {schema}.{name} does")
            file = put(path, sha256.result())
            yield Table(
                schema_name=schema, name=name, rows=rows, checksum=checksum, ddl=ddl, file=file
            )


def _read(path: Path) -> str:
    return f"read_parquet({sql_path(path)}, hive_partitioning = false)"


def _wide_columns(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Return the columns with integers that Parquet lacks, and their types."""
    columns = columns_of(connection, table)
    return {name: sql_type for name, sql_type in columns.items() if _WIDE.search(sql_type)}


def _as_text(wide: dict[str, str]) -> dict[str, str]:
    """Return the types in which they are written: text in place of the integers."""
    return {name: _WIDE.sub("VARCHAR", sql_type) for name, sql_type in wide.items()}


def _replaced(types: dict[str, str]) -> str:
    casts = ", ".join(f"{quoted(c)}::{sql_type} as {quoted(c)}" for c, sql_type in types.items())
    return f"* replace ({casts})" if casts else "*"


def import_tables(
    connection: duckdb.DuckDBPyConnection,
    tables: list[Table],
    files: dict[str, Path],
    schema_version: int,
) -> None:
    """Fill an empty database: run its migrations up to that version, create the rest by DDL.

    `files`: path by key.
    """
    migrate(connection, up_to=schema_version)
    made = {(schema, name) for schema, name, _ in table_names(connection)}
    for table in tables:
        name = f"{quoted(table.schema_name)}.{quoted(table.name)}"
        if (table.schema_name, table.name) in made:
            connection.execute(f"delete from {name}")
        else:
            connection.execute(f"create schema if not exists {quoted(table.schema_name)}")
            connection.execute(table.ddl)
        connection.execute(f"insert into {name} by name from {_read(files[table.file.key])}")


def require_equal(connection: duckdb.DuckDBPyConnection, tables: list[Table]) -> None:
    """Compare every table with the manifest.

    Raises BackupDamagedError that names the first one which differs.
    """
    for table in tables:
        found = rows_and_checksum(connection, f"{quoted(table.schema_name)}.{quoted(table.name)}")
        if found != (table.rows, table.checksum):
            raise BackupDamagedError(
                f"{table.schema_name}.{table.name} holds {found[0]:,} rows with checksum"
                f" {found[1]}, it had {table.rows:,} with {table.checksum}"
            )
