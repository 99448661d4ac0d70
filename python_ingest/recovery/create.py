"""Make a backup, keep as many as are configured, remove segments that are safe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from python_ingest.cli.progress import Report
from python_ingest.errors import BackupError, StoreError
from python_ingest.lifecycle.safe_segments import BackedUp, remember_backup, remove_safe_segments
from python_ingest.recovery import sets
from python_ingest.recovery.full import make_full
from python_ingest.recovery.incremental import make_incremental
from python_ingest.recovery.manifest import Manifest
from python_ingest.recovery.migration_state import read_state
from python_ingest.recovery.own_feeds import read_feeds
from python_ingest.recovery.run import Kind, Run, in_our_words, working_folder
from python_ingest.settings import Settings
from python_ingest.storage.object_store import ObjectStore, open_store
from python_ingest.storage.process_lock import cold_files_stay, process_lock
from python_ingest.storage.writer import require_database

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
    with process_lock(settings.data_dir / "backup.lock", "ingest backup"):
        store = open_store(settings.backup_store)
        with working_folder(store, settings) as folder:
            state = read_state(settings.data_dir)
            patient = settings.waiting(_PATIENCE_MS)
            run = Run(patient, store, sets.load(store), folder, report, migration=state)
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
