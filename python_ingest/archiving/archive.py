"""Upload old cold files to the object store.

A day of a relation is archived as a whole, and only before the first day of which a build has
something to do (int_pending_since): the store verifies every uploaded file, then a transaction
records the days of about a second and removes them from the views. The local files are deleted when
no kept publication names them (sweep.py). After a kill, the next run continues with the uploaded
files.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from time import monotonic

import duckdb

from python_ingest.archiving.query import SQL
from python_ingest.cli.progress import Report
from python_ingest.errors import ConfigError, NotInitialisedError
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import exists, has_manifest
from python_ingest.storage.cold_place import brought_near, key_of, require_own_places
from python_ingest.storage.cold_views import make_view
from python_ingest.storage.files import scratch
from python_ingest.storage.object_store import ObjectStore, open_store
from python_ingest.storage.s3_session import read_s3_where_named
from python_ingest.storage.writer import open_writer, transaction

_PENDING = "intermediate.int_pending_since"
_POLICIES = "reference.retention_policies"

# A day that was brought back stays readable for this long.
_DAYS_RESTORED = 7
# To open the database for each day took a third of the time of archiving small days.
_SECONDS_A_TRANSACTION = 1


@dataclass(frozen=True)
class File:
    """A file of the manifest: path below DATA_DIR or URL, size, hex sha256."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Day:
    """The files of one relation and date that are archived together."""

    relation: str
    date: date
    files: list[File]

    @property
    def bytes(self) -> int:
        """Their bytes on disk."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True)
class _Pending:
    """The first day of which the next build may change rows, by relation, as `at` a moment."""

    since: dict[str, date]
    at: tuple[int, int]

    def keeps(self, day: Day) -> bool:
        return day.date >= self.since.get(day.relation, date.max)


def archive(
    settings: Settings, as_of: datetime, *, dry_run: bool = False, report: Report = lambda *_: None
) -> list[Day]:
    """Archive every day that its policy allows at `as_of` (UTC); return the days, planned or done.

    Raises StoreError when a file differs from the manifest or its upload failed. The days before it
    are archived then; its own day and the later ones stay. Ctrl-C too loses no uploaded day.
    """
    store = _store(settings)
    with open_writer(settings) as connection:
        due = _due(connection, as_of)
        known = _Pending(pending_since(connection), _moment(connection))
    days = [day for day in due if not known.keeps(day)]
    if dry_run:
        return days
    uploaded: list[Day] = []
    since = monotonic()
    try:
        for number, day in enumerate(days, 1):
            # not under the database's lock: uploads take long, and a cold file never changes
            for file in day.files:
                _put(settings, store, file)
            uploaded.append(day)
            report(f"uploaded {day.relation} of {day.date}", number, len(days))
            if monotonic() - since > _SECONDS_A_TRANSACTION:
                known = _record(settings, store, uploaded, known)
                uploaded, since = [], monotonic()
    finally:
        if uploaded:
            _record(settings, store, uploaded, known)
    return days


def held_back(settings: Settings, as_of: datetime) -> list[Day]:
    """Return the days that policies allow at `as_of` (UTC) and that wait for a build."""
    with open_writer(settings) as connection:
        pending = _Pending(pending_since(connection), _moment(connection))
        return [day for day in _due(connection, as_of) if pending.keeps(day)]


def _put(settings: Settings, store: ObjectStore, file: File) -> None:
    with scratch(settings.data_dir / "cold" / "tmp") as folder:
        near = brought_near(settings.data_dir, file.path, file.sha256, folder)
        store.put(near, key_of(file.path), sha256=file.sha256)


def _store(settings: Settings) -> ObjectStore:
    if not settings.archive.store:
        raise ConfigError(
            "archive.store says nowhere to archive to: set it in database.toml or ARCHIVE_STORE to"
            " a directory or s3://bucket/prefix"
        )
    require_own_places(settings)
    store = settings.archive.store
    # the manifest names it for as long as there is an archive, from whatever folder that is read
    url = store if "://" in store else str(Path(store).absolute())
    return open_store(url, settings.archive.storage_class)


def _due(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> list[Day]:
    """Return the days whose last moment lies `archive_after_days` before `as_of`, oldest first."""
    if not has_manifest(connection):
        raise NotInitialisedError("there are no cold files yet: run `ingest init`, then a build")
    try:
        rows = connection.execute(
            SQL.due(_POLICIES),
            {"as_of": as_of, "read_before": as_of - timedelta(days=_DAYS_RESTORED)},
        ).fetchall()
    except duckdb.CatalogException:
        raise NotInitialisedError(f"{_POLICIES} is not there: run `dbt build` first") from None
    days: dict[tuple[str, date], list[File]] = {}
    for relation, day, *file in rows:
        days.setdefault((relation, day), []).append(File(*file))
    return [Day(relation, day, files) for (relation, day), files in days.items()]


def pending_since(connection: duckdb.DuckDBPyConnection) -> dict[str, date]:
    """Return, by relation, the first day of which the next build may change rows."""
    if (
        not exists(connection, "state.chains")
        or not connection.execute("from state.chains").fetchall()
    ):
        return {}
    try:
        read_s3_where_named(connection)
        rows = connection.execute(SQL.pending_since(_PENDING)).fetchall()
    except duckdb.CatalogException:
        raise NotInitialisedError(f"{_PENDING} is not there: run `dbt build` first") from None
    return dict(rows)


def _moment(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Return the newest batch and run: as long as they are the same, so is what is pending."""
    ((batch, run),) = connection.execute(SQL.moment()).fetchall()
    return batch, run


def _record(settings: Settings, store: ObjectStore, days: list[Day], known: _Pending) -> _Pending:
    """Mark uploaded days as archived, but those that wait for a build; return what is pending."""
    with open_writer(settings) as connection, transaction(connection):
        if known.at != (now := _moment(connection)):
            known = _Pending(pending_since(connection), now)
        left = [day for day in days if not known.keeps(day)]
        gone = {day.relation for day in left if _mark(connection, settings, store, day)}
        for relation in sorted(gone):
            make_view(connection, settings.data_dir, relation)
    return known


def _mark(
    connection: duckdb.DuckDBPyConnection, settings: Settings, store: ObjectStore, day: Day
) -> bool:
    """Mark a day as archived in the manifest, unless an export added to it meanwhile."""
    now = connection.execute(SQL.files_of(), [day.relation, day.date]).fetchall()
    if set(now) != {(file.path, file.sha256) for file in day.files}:
        return False  # it is due again in the next run
    for file in day.files:
        url = f"{store.url}/{key_of(file.path)}"
        values = [url, settings.archive.storage_class, file.path]
        connection.execute(SQL.mark_archived(), values)
    return True
