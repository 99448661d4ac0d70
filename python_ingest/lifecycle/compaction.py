"""Shrink the database file: DuckDB reuses the space of deleted rows but never returns it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from python_ingest.errors import DatabaseBusyError, ExportError
from python_ingest.settings import Settings
from python_ingest.storage.failures import as_database_error
from python_ingest.storage.files import clear_unfinished, move_into_place, scratch
from python_ingest.storage.s3_session import read_s3_where_named
from python_ingest.storage.sql import quoted, sql_path
from python_ingest.storage.writer import open_writer, session_config

ENOUGH_FREE = 0.1

# Longer than a process needs from opening the old file to asking for its lock (open, fcntl).
_SECONDS_FOR_LATECOMERS = 0.1


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

    The old file is locked against writers until after the rename. Raises ExportError, and keeps the
    old file, when the copy's rows differ.
    """
    path = settings.database_path
    if free_share(settings) < enough:
        return None
    before = path.stat().st_size
    unfinished = path.parent / ".compact"
    clear_unfinished(unfinished)
    try:
        with (
            scratch(unfinished) as folder,
            duckdb.connect(config=session_config(settings)) as engine,
        ):
            engine.execute("set TimeZone = 'UTC'")
            _attach(engine, path)
            copy = folder / path.name
            engine.execute(f"attach {sql_path(copy)} as compacted")
            engine.execute(f"copy from database {quoted(path.stem)} to compacted")
            engine.execute("checkpoint compacted")
            _compare(engine, path.stem)
            engine.execute("detach compacted")
            if path.with_name(path.name + ".wal").exists():
                raise DatabaseBusyError(f"somebody wrote to {path} meanwhile: compact it later")
            move_into_place(copy, path)
            time.sleep(_SECONDS_FOR_LATECOMERS)
        unfinished.rmdir()
    except (duckdb.Error, OSError) as error:
        raise as_database_error(error) from error
    return Compacted(before, path.stat().st_size)


def _attach(engine: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Attach the old file read only: that locks writers out and changes nothing in it."""
    engine.execute(f"attach {sql_path(path)} as {quoted(path.stem)} (read_only)")
    read_s3_where_named(engine)


def _compare(engine: duckdb.DuckDBPyConnection, catalog: str) -> None:
    tables = engine.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ?", [catalog]
    ).fetchall()
    for schema, table in tables:
        name = f"{quoted(schema)}.{quoted(table)}"
        proofs = {
            engine.execute(
                "select count(*), coalesce(sum(hash(whole_row)), 0)"
                f" from {quoted(database)}.{name} as whole_row"
            ).fetchall()[0]
            for database in (catalog, "compacted")
        }
        if len(proofs) != 1:
            raise ExportError(f"the copy of {schema}.{table} differs; the database stays as it was")
