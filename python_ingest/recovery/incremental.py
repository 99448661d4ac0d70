"""An incremental backup: the segments that landed since the former backup."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from python_ingest.errors import BackupError
from python_ingest.recovery.cold import archive_event
from python_ingest.recovery.manifest import Landing, Manifest
from python_ingest.recovery.run import Run, new_id, tools
from python_ingest.recovery.segments import landing, landings, pack
from python_ingest.schema.version import current_version
from python_ingest.storage.sql import value_of
from python_ingest.storage.writer import open_writer


def make_incremental(run: Run) -> Manifest:
    """Back up what landed until now.

    Raises BackupError when the newest backup cannot be continued: then a full one is due.
    """
    before = run.backups.newest
    if before is None:
        raise BackupError("there is no full backup yet that it could continue")
    with open_writer(run.settings) as connection:
        now: datetime = value_of(connection, "select now()::timestamp")
        batches, until = since(run, connection, before, now)
        schema_version = current_version(connection)
    if until < now:
        raise BackupError(
            f"cold files were archived or brought back at {until}; only a full backup knows which"
        )
    return write_incremental(run, before, batches, until, schema_version)


def since(
    run: Run, connection: duckdb.DuckDBPyConnection, before: Manifest, now: datetime
) -> tuple[list[Landing], datetime]:
    """Return the landings since a backup, and the moment up to which they can be replayed.

    That is the first archiving since the full backup: afterwards landing refuses other rows.
    """
    if before.last and landing(connection, before.last_batch) != before.last:
        raise BackupError(
            f"batch {before.last_batch} of {before.id} is not in this database: it is another"
            " one, or was restored to an earlier time"
        )
    batches = landings(connection, before.last_batch)
    _require_order(before, batches, now)
    base = next((m for m in run.backups.made if m.id == before.base), None)
    if base is None:
        raise BackupError(f"{before.base}, the full backup that {before.id} stands on, is gone")
    event = archive_event(connection, base.taken_at)
    if event is None:
        return batches, now
    until = max(event, before.taken_at)
    return [batch for batch in batches if batch.landed_at < until], until


def _require_order(before: Manifest, batches: Sequence[Landing], now: datetime) -> None:
    """Raise BackupError where what is to be continued, or a batch, bears a time yet to come.

    A restore to a moment goes by these times, and would leave out what landed by then.
    """
    times = [(before.taken_at, before.id)]
    times += [(batch.landed_at, f"batch {batch.batch_id}") for batch in batches]
    newest, what = max(times)
    if newest > now:
        raise BackupError(
            f"the clock was wrong: {what} is of {newest}, and now it is {now}; only a full backup"
            " begins anew"
        )


def write_incremental(
    run: Run, before: Manifest, batches: list[Landing], taken_at: datetime, schema_version: int
) -> Manifest:
    """Put the batches' segments and the manifest."""
    backup_id = new_id("incremental")
    packed, file = [], None
    if batches:
        path = run.folder / "segments.tar"
        packed = pack(run.settings, batches, path)
        run.begin(backup_id)
        file = run.put(path, f"{backup_id}/{path.name}")
    run.report(f"stored {len(batches):,} segments", 1, 1)
    return run.finish(
        Manifest(
            id=backup_id,
            kind="incremental",
            taken_at=taken_at,
            base=before.base,
            previous=before.id,
            last=batches[-1] if batches else before.last,
            schema_version=schema_version,
            tools=tools(),
            pack=file,
            segments=packed,
        )
    )
