"""Shrink the database file: DuckDB reuses the space of deleted rows but never returns it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from python_ingest.errors import DatabaseBusyError, ExportError
from python_ingest.settings import Settings
from python_ingest.storage.failures import as_database_error
from python_ingest.storage.files import clear_beside, move_into_place, scratch_beside
from python_ingest.storage.sql import quoted, rows_and_checksum, sql_path
from python_ingest.storage.writer import (
    attached,
    open_locked,
    open_writer,
    session_config,
    sole_process,
)

ENOUGH_FREE = 0.1


@dataclass(frozen=True)
class Compacted:
    """Size of the database file before and after, in bytes."""

    before: int
    after: int


def free_share(settings: Settings) -> float:
    """Return the share of the database file's blocks that are free."""
    with open_writer(settings) as connection:
        connection.execute("checkpoint")
        free, total = connection.execute(
            "select free_blocks, total_blocks from pragma_database_size()"
            " where database_name = current_database()"
        ).fetchall()[0]
    return float(free) / total if total else 0.0


def compact_database(settings: Settings, enough: float = ENOUGH_FREE) -> Compacted | None:
    """Replace the database file by a compact copy; None if little of it is free.

    Waits for the file's lock like every writer, and holds it against them until after the rename.
    Raises ExportError, and keeps the old file, when the copy's rows differ; DatabaseBusyError when
    others hold the file for longer than `connection_timeout_ms`.
    """
    path = settings.database_path.resolve()  # a link to it stays
    clear_beside(path)  # a copy is as large as the database
    if free_share(settings) < enough:
        return None
    before = path.stat().st_size
    try:
        with scratch_beside(path) as folder, _locked(settings) as engine:
            copy = folder / path.name
            engine.execute(f"attach {sql_path(copy)} as compacted")
            catalog = settings.database_path.stem
            engine.execute(f"copy from database {quoted(catalog)} to compacted")
            engine.execute("checkpoint compacted")
            _compare(engine, catalog)
            engine.execute("detach compacted")
            move_into_place(copy, path)
    except (duckdb.Error, OSError) as error:
        raise as_database_error(error) from error
    return Compacted(before, path.stat().st_size)


@contextmanager
def _locked(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Lock the file, all of its rows in it; yields an engine that has it attached."""
    path, catalog = settings.database_path.resolve(), settings.database_path.stem
    config = session_config(settings)
    with sole_process(settings):
        with open_writer(settings) as connection:
            connection.execute("checkpoint")
        with open_locked(settings, lambda: attached(path, catalog, config)) as engine:
            if path.with_name(path.name + ".wal").exists():
                raise DatabaseBusyError(f"a program wrote to {path} meanwhile: compact it later")
            yield engine


def _compare(engine: duckdb.DuckDBPyConnection, catalog: str) -> None:
    tables = engine.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ?", [catalog]
    ).fetchall()
    for schema, table in tables:
        name = f"{quoted(schema)}.{quoted(table)}"
        proofs = {
            rows_and_checksum(engine, f"{quoted(database)}.{name}")
            for database in (catalog, "compacted")
        }
        if len(proofs) != 1:
            raise ExportError(f"the copy of {schema}.{table} differs; the database stays as it was")
