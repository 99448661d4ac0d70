"""Make a backup, full or incremental; keep as many as are configured, remove safe segments.

A full one: the database file, every table as Parquet, the cold files. An incremental one: the
segments that landed since the former backup.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from python_ingest.cli.progress import Report
from python_ingest.errors import BackupError, StoreError
from python_ingest.landing import spool, waiting
from python_ingest.lifecycle.safe_segments import BackedUp, remember_backup, remove_safe_segments
from python_ingest.recovery import cold, sets
from python_ingest.recovery.cold import archive_event
from python_ingest.recovery.manifest import Landing, Manifest, StoredFile, Table, WaitingSegment
from python_ingest.recovery.run import Kind, Run, in_our_words, new_id, tools, working_folder
from python_ingest.recovery.segments import landing, landings, outermost, pack
from python_ingest.recovery.small_files import read_feeds, read_state
from python_ingest.recovery.snapshot import copy_database
from python_ingest.recovery.tables import export_tables, table_names
from python_ingest.schema.version import current_version
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import has_manifest
from python_ingest.storage.cold_place import place_of, require_own_places
from python_ingest.storage.failures import first_line
from python_ingest.storage.object_store import ObjectStore, open_store
from python_ingest.storage.process_lock import cold_files_stay, process_lock
from python_ingest.storage.s3_session import read_s3_where_named
from python_ingest.storage.sql import value_of
from python_ingest.storage.writer import open_writer, require_database, session_config

# Builds and publications hold the file for minutes; a backup waits for them.
_PATIENCE_MS = 600_000


@dataclass(frozen=True)
class Created:
    """The new backup. `held_seconds`: how long it kept others from landing."""

    manifest: Manifest
    held_seconds: float
    removed_backups: list[str]
    removed_segments: int
    notes: list[str]


def create_backup(
    settings: Settings, kind: Kind | None = None, report: Report = lambda *_: None
) -> Created:
    """Back the database up; without a kind: incrementally where possible, else fully.

    Raises BackupError when an incremental backup is asked for and no backup can be continued,
    StoreError or DiskFullError when the store or the working folder cannot be written. Then there
    is no new backup, and its uploaded files are removed.
    """
    require_database(settings)
    require_own_places(settings)
    patient = settings.waiting(_PATIENCE_MS)
    with process_lock(settings.data_dir / "backup.lock", "ingest backup"):
        store = open_store(settings.backup_store)
        backups = sets.load(store)
        with in_our_words("the backup", settings.data_dir), open_writer(patient) as connection:
            first = outermost(connection, "min")
            _require_no_archive(connection, store)
        _require_own(store, backups, first)
        with working_folder(store, settings) as folder:
            state = read_state(settings.data_dir)
            run = Run(patient, store, backups, folder, report, migration=state, first=first)
            run.feeds = read_feeds(settings, run.notes)
            run.notes.extend(f"damaged: {it}" for it in run.backups.damaged.values())
            with in_our_words("the backup", folder.parent), _undone(store):
                manifest, held = _make(run, kind)
        backups = sets.load(store)
        gone = sets.superseded(backups.made, settings.backup.keep)
        sets.remove(store, backups, gone)
        last = manifest.last
        remember_backup(
            settings, BackedUp(last.batch_id, last.sha256, last.landed_at) if last else None
        )
        removed = remove_safe_segments(settings)
    return Created(manifest, held, [m.id for m in gone], removed, run.notes)


def _require_own(store: ObjectStore, backups: sets.Backups, first: Landing | None) -> None:
    """Raise BackupError where a backup is of another warehouse, which would lose it in time."""
    for one in backups.made:
        if one.first and (first is None or _began(one.first) != _began(first)):
            began = "nothing landed in" if first is None else f"{first.file_name} began"
            raise BackupError(
                f"{one.id} in {store.url} is of another database: {one.first.file_name} began that"
                f" one, {began} this one; restore it (docs/restore.md), or give this one a store of"
                " its own (BACKUP_STORE)"
            )


def _require_no_archive(connection: duckdb.DuckDBPyConnection, store: ObjectStore) -> None:
    """Raise BackupError where archived files lie in the store: no backup would need them."""
    if not has_manifest(connection):
        return
    archives = connection.execute(
        "select distinct regexp_extract(object_url, '^(.*)/cold/', 1) from raw.cold_files"
        " where object_url is not null"
    ).fetchall()
    if place_of(store.url) in {place_of(url) for (url,) in archives}:
        raise BackupError(
            f"{store.url} holds the archive, whose files a backup would delete: give backups a"
            " folder, prefix or bucket of their own (BACKUP_STORE)"
        )


def _began(first: Landing) -> tuple[str, datetime]:
    """Return what of the first batch no later version of ours changes."""
    return first.sha256, first.landed_at


def _make(run: Run, kind: Kind | None) -> tuple[Manifest, float]:
    if kind != "full":
        try:
            return make_incremental(run), 0.0
        except BackupError as error:
            if kind == "incremental":
                raise
            run.notes.append(f"a full backup, since {error}")
    with cold_files_stay(run.settings.data_dir):
        return make_full(run)


@contextmanager
def _undone(store: ObjectStore) -> Iterator[None]:
    """Remove the uploaded files of a failed backup; if that fails too, the next backup does it."""
    try:
        yield
    except BaseException:
        with suppress(StoreError):
            sets.remove(store, sets.load(store), [])
        raise


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
        last = outermost(reader, "max")
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
