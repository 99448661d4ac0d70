"""A full backup: the database file, every table as Parquet, the cold files."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import duckdb

from python_ingest.errors import BackupError
from python_ingest.landing import spool, waiting
from python_ingest.recovery import cold
from python_ingest.recovery.incremental import since, write_incremental
from python_ingest.recovery.manifest import Manifest, StoredFile, Table, WaitingSegment
from python_ingest.recovery.run import Run, new_id, tools
from python_ingest.recovery.segments import landing
from python_ingest.recovery.snapshot import copy_database
from python_ingest.recovery.tables import export_tables, table_names
from python_ingest.schema.version import current_version
from python_ingest.storage.failures import first_line
from python_ingest.storage.s3_session import read_s3_where_named
from python_ingest.storage.sql import value_of
from python_ingest.storage.writer import session_config


def make_full(run: Run) -> tuple[Manifest, float]:
    """Back everything up; return the manifest, and how long others were kept from landing.

    The tables are read from the copy of the database file. So landing continues meanwhile, and the
    copy is proven readable. An incremental backup closes the former set, so that every moment
    between the two full backups can be restored.
    """
    backup_id = new_id("full")
    run.begin(backup_id)
    copy = run.folder / run.settings.database_path.name
    run.report("copying the database", 0, 1)
    waits = run.folder / "waiting"
    snapshot = copy_database(run.settings, copy, lambda: waiting.copy_all(run.settings, waits))
    with duckdb.connect(str(copy), read_only=True, config=session_config(run.settings)) as reader:
        reader.execute("set TimeZone = 'UTC'")
        read_s3_where_named(reader)
        reader.execute("set preserve_insertion_order = false")
        tables = _put_tables(run, reader, backup_id)
        files = cold.cold_files(reader)
        known = set(run.backups.objects)
        cold.put_cold_files(run.store, run.settings.data_dir, files, known, run.folder)
        closing = _close_set_before(run, reader, snapshot.taken_at)
        newest = value_of(reader, "select max(batch_id) from raw.landings")
        last = None if newest is None else landing(reader, newest)
        views, archived = cold.cold_views(reader), cold.archived_files(reader)
        schema_version = current_version(reader)
    manifest = Manifest(
        id=backup_id,
        kind="full",
        taken_at=snapshot.taken_at,
        base=backup_id,
        previous=closing,
        last=last,
        schema_version=schema_version,
        tools=tools(),
        database=run.put(copy, f"{backup_id}/{copy.name}"),
        tables=tables,
        cold=files,
        cold_views=views,
        archived=archived,
        waiting=_put_waiting(run, waits, backup_id),
    )
    return run.finish(manifest), snapshot.held_seconds


def _put_tables(run: Run, reader: duckdb.DuckDBPyConnection, backup_id: str) -> list[Table]:
    def put(path: Path, sha256: str) -> StoredFile:
        return run.put(path, f"{backup_id}/{path.name}", sha256)

    steps = len(table_names(reader))
    tables = []
    for number, table in enumerate(export_tables(reader, run.folder, put), 1):
        tables.append(table)
        run.report(f"{table.schema_name}.{table.name}: {table.rows:,} rows", number, steps)
    return tables


def _put_waiting(run: Run, folder: Path, backup_id: str) -> list[WaitingSegment]:
    found = []
    for path in sorted(folder.glob("*.parquet")):
        try:
            segment = asdict(spool.read_description(path))
        except (OSError, ValueError) as error:
            run.notes.append(
                f"{path.name} in {waiting.folder_of(run.settings)} is not in it, as its description"
                f" cannot be read ({first_line(error)}); land its source again and remove it"
            )
            continue
        file = run.put(path, f"{backup_id}/waiting/{path.name}")
        found.append(WaitingSegment(segment=segment, file=file))
    return found


def _close_set_before(run: Run, reader: duckdb.DuckDBPyConnection, taken_at: datetime) -> str:
    """Return the id of the backup that this one continues without a gap; empty if none."""
    before = run.backups.newest
    if before is None:
        return ""
    try:
        batches, until = since(run, reader, before, taken_at)
        closing = write_incremental(run, before, batches, until, current_version(reader))
    except BackupError as error:
        run.notes.append(f"moments between {before.id} and this one cannot be restored: {error}")
        return ""
    if until < taken_at:
        run.notes.append(f"moments between {until} (the archive) and this one cannot be restored")
        return ""
    return closing.id
