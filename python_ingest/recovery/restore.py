"""Restore a backup into a new DATA_DIR, as of any moment that the backups cover."""

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from python_ingest.cli.progress import Report
from python_ingest.errors import BackupDamagedError, BackupError, DatabaseBusyError, IngestError
from python_ingest.landing import waiting
from python_ingest.recovery import sets
from python_ingest.recovery.cold import cold_views
from python_ingest.recovery.manifest import ColdFile, Manifest, StoredFile, WaitingSegment
from python_ingest.recovery.run import in_our_words
from python_ingest.recovery.segments import replay
from python_ingest.recovery.small_files import write_feeds, write_state
from python_ingest.recovery.tables import import_tables, require_equal
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings
from python_ingest.storage.cold_place import is_remote, key_of, store_of
from python_ingest.storage.cold_views import make_view
from python_ingest.storage.disk_full import is_disk_full
from python_ingest.storage.failures import first_line
from python_ingest.storage.files import make_folder, scratch_beside, sync_to_disk
from python_ingest.storage.object_store import ObjectStore, fetch, open_store
from python_ingest.storage.sql import value_of
from python_ingest.storage.writer import open_writer


@dataclass(frozen=True)
class Restored:
    """What was restored: everything committed until `until` (UTC), up to `last_batch`.

    `kept`: where the folder that was there before lies now. `notes`: what an operator should know.
    """

    path: Path
    database: Path
    full: str
    segments: int
    until: datetime
    last_batch: int
    kept: Path | None
    notes: list[str]


def restore(
    settings: Settings,
    to: Path,
    at: datetime | None = None,
    *,
    force: bool = False,
    report: Report = lambda *_: None,
) -> Restored:
    """Create the DATA_DIR `to` as of `at` (UTC; None: the newest moment that the backups have).

    It appears whole or not at all. Raises BackupError when no backup covers that moment or `to`
    exists already, BackupDamagedError when a needed file is damaged on both sides,
    DiskFullError when there is no room.
    """
    to = to.resolve()  # a link to it stays
    require_free(settings, to, force=force)
    store = open_store(settings.backup_store)
    backups = sets.load(store)
    path = sets.path_to(backups.made, at, store.url)
    notes = [f"damaged: {complaint}" for complaint in backups.damaged.values()]
    with in_our_words("the restore", to.parent), scratch_beside(to) as folder:
        (folder / "data").mkdir()
        work = _Work(settings, store, folder, report, notes, path, at)
        replayed, last = work.build()
        kept = move_into_place(folder / "data", to, force=force)
    if path.full.cold:  # views name their files, which lie elsewhere now
        moved = {"data_dir": to, "database_path": to / work.database_name}
        with open_writer(settings.model_copy(update=moved)):
            pass  # whoever opens it makes them again
    until = at or path.covered_until
    database = to / work.database_name
    return Restored(to, database, path.full.id, replayed, until, last, kept, notes)


@dataclass
class _Work:
    """One restore, inside its staging folder; `settings` become those of the new DATA_DIR."""

    settings: Settings
    store: ObjectStore
    folder: Path
    report: Report
    notes: list[str]
    path: sets.Path
    at: datetime | None
    done: int = 0

    def __post_init__(self) -> None:
        """Raise BackupDamagedError where the full backup names no database."""
        full = self.path.full
        if full.database is None:
            raise BackupDamagedError(f"{full.key}: names no database")
        self.database_name = full.database.key.rpartition("/")[2]
        self.data = self.folder / "data"
        self.database = self.data / self.database_name
        self.settings = self.settings.model_copy(
            update={"data_dir": self.data, "database_path": self.database}
        )
        self.steps = 2 + len(full.cold) + len(self.path.incrementals)

    def build(self) -> tuple[int, int]:
        """Return how many segments were landed again, and the newest batch."""
        for cold in self.path.full.cold:
            self._fetch_cold(cold)
            self._step(f"fetched {cold.path}")
        self._restore_full()
        for waits in self.path.full.waiting:
            self._fetch_waiting(waits)
        replayed = 0
        with open_writer(self.settings) as connection:
            applied = migrate(connection)
            if applied:
                self.notes.append(f"brought to this version: {', '.join(applied)}")
            views = cold_views(connection) or self.path.full.cold_views
            for relation, columns in views.items():
                make_view(connection, self.data, relation, columns)
            for incremental in self.path.incrementals:
                replayed += self._replay(connection, incremental)
            last = value_of(connection, "select coalesce(max(batch_id), 0) from raw.landings")
            connection.execute("checkpoint")
        self._clear_spool()
        self._restore_migration(int(last))
        self._restore_feeds()
        for path in (*self.data.rglob("*"), self.data):
            sync_to_disk(path)
        return replayed, int(last)

    def _fetch_cold(self, cold: ColdFile) -> None:
        """Fetch a cold file; one that was on S3 is uploaded there again if it is missing."""
        if not is_remote(cold.path):
            self._fetch(cold.file, self.data / cold.path)
            return
        home, key = store_of(cold.path), key_of(cold.path)
        there = home.stat(key)
        if there is None or there.bytes != cold.file.bytes:
            near = self.folder / "cold.parquet"
            self._fetch(cold.file, near)
            home.put(near, key, sha256=cold.file.sha256, consume=True)

    def _fetch_waiting(self, waits: WaitingSegment) -> None:
        target = waiting.folder_of(self.settings) / f"{waits.segment['name']}.parquet"
        make_folder(target.parent)
        self._fetch(waits.file, target)
        target.with_suffix(".json").write_text(json.dumps(waits.segment), encoding="utf-8")

    def _clear_spool(self) -> None:
        """Remove what replaying left in the spool; what waits for archived days stays."""
        spool = self.settings.spool_dir
        for path in spool.glob("*"):
            if path != waiting.folder_of(self.settings):
                shutil.rmtree(path)

    def _restore_migration(self, last_batch: int) -> None:
        """Let a move from TimescaleDB go on from the newest state that these backups know."""
        state = next((one.migration for one in self.path.newest_first if one.migration), None)
        if state:
            write_state(self.data, state, last_batch)
            self.notes.append(
                "the move from TimescaleDB goes on from its state; extracts/ is in no backup: copy"
                " it from the former DATA_DIR, or extract again (docs/migration.md)"
            )

    def _restore_feeds(self) -> None:
        made = self.path.newest_first
        write_feeds(self.data, next((one.feeds for one in made if one.feeds is not None), {}))

    def _restore_full(self) -> None:
        full = self.path.full
        try:
            assert full.database is not None  # noqa: S101 - looked at in the constructor
            # the backup read every table from exactly these bytes
            self._fetch(full.database, self.database)
            with open_writer(self.settings):
                pass
            self._step(f"fetched {self.database_name}")
        except (IngestError, duckdb.Error, OSError) as error:
            if is_disk_full(error):
                raise
            self.notes.append(
                f"the database of {full.id} is not usable, its tables are: {first_line(error)}"
            )
            self.database.unlink(missing_ok=True)
            self._restore_tables(full)

    def _restore_tables(self, full: Manifest) -> None:
        files = {}
        for table in full.tables:
            name = table.file.key.rpartition("/")[2]
            files[table.file.key] = self.folder / name
            self._fetch(table.file, self.folder / name)
        with open_writer(self.settings) as connection:
            import_tables(connection, full.tables, files, full.schema_version)
            if full.tools.duckdb == duckdb.__version__:  # else hashes cannot be compared
                require_equal(connection, full.tables)
        self._step(f"made {self.database_name} of its {len(files)} tables")

    def _replay(self, connection: duckdb.DuckDBPyConnection, incremental: Manifest) -> int:
        count = 0
        if incremental.pack:
            pack = self.folder / "segments.tar"
            self._fetch(incremental.pack, pack)
            for difference in replay(connection, self.settings, incremental, pack, self.at):
                count += 1
                if difference:
                    self.notes.append(difference)
            pack.unlink()
        self._step(f"landed {count} segments of {incremental.id}")
        return count

    def _fetch(self, file: StoredFile, target: Path) -> None:
        """Get a file; raises BackupDamagedError when it differs from what was uploaded."""
        sha256 = fetch(self.store, file.key, target)
        if sha256 != file.sha256:
            target.unlink()
            raise BackupDamagedError(
                f"{self.store.url}/{file.key} is damaged: sha256 {sha256}, not {file.sha256}"
            )

    def _step(self, what: str) -> None:
        self.done += 1
        self.report(what, self.done, self.steps)


def require_free(settings: Settings, to: Path, *, force: bool) -> None:
    """Raise BackupError unless a restore may write there."""
    if to.exists() and not to.is_dir():
        raise BackupError(f"{to} is a file: give the folder that shall be the new DATA_DIR")
    if to.is_mount():
        raise BackupError(
            f"{to} is a mount, whose place no other folder can take: restore to a folder in it,"
            f" such as {to / 'data'}, and make that DATA_DIR"
        )
    if not to.exists() or not any(to.iterdir()):
        return
    if not force:
        raise BackupError(
            f"{to} is there already: restore to a new path, or give --force, which sets it aside"
        )
    if Path(settings.backup_store).resolve().is_relative_to(to):
        raise BackupError(
            f"the backups lie in {to} themselves: restore to a new path and make it DATA_DIR"
        )
    for database in to.glob("*.duckdb"):
        try:
            with open_writer(settings.model_copy(update={"database_path": database})):
                pass
        except DatabaseBusyError:
            raise
        except IngestError:
            continue  # damaged: that is why it is restored


def move_into_place(folder: Path, to: Path, *, force: bool) -> Path | None:
    """Rename the finished folder to the target; return where the former target lies now."""
    kept = None
    if to.exists() and any(to.iterdir()):
        if not force:
            raise BackupError(f"{to} appeared meanwhile; nothing was replaced")
        kept = to.with_name(f"{to.name}.before-{datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')}")
        to.rename(kept)
    folder.rename(to)
    sync_to_disk(to.parent)
    return kept
