"""What `ingest doctor` finds: what is there and how it does, and for each trouble what mends it.

To look changes nothing. The database is opened read only and for a moment, and not at all while
another process has it.
"""

import os
import platform
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import duckdb

from python_ingest.cli.news import began_at, ended_well
from python_ingest.cli.place import where
from python_ingest.cli.shown import age, size
from python_ingest.errors import DatabaseBusyError, IngestError
from python_ingest.landing.spool import SERVICE, left_frames
from python_ingest.publication.publish import by_reason
from python_ingest.publication.versions import description, newest_manifest
from python_ingest.recovery.sets import load
from python_ingest.schema.version import current_version, migrations
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import READABLE, exists, has_manifest
from python_ingest.storage.cold_place import is_remote, key_of, sha256_at, store_of
from python_ingest.storage.failures import first_line, run_as_owner
from python_ingest.storage.object_store import open_store
from python_ingest.storage.process_lock import command_of, is_locked
from python_ingest.storage.sql import value_of
from python_ingest.storage.statements import Statements
from python_ingest.storage.writer import open_briefly

_WAITED_TOO_LONG = timedelta(hours=1)  # a cycle runs every quarter of an hour
_CYCLE_IS_OLD = timedelta(days=1)
_BACKUP_IS_OLD = timedelta(hours=25)  # a full one every day: docs/restore.md
_CLOCKS_DIFFER = timedelta(minutes=1)
_LEAST_FREE = 10**9  # bytes
SQL = Statements(Path(__file__).with_name("queries"), service=SERVICE)


@dataclass(frozen=True)
class Finding:
    """A line of the screen; `mend` is a command as a shell takes it, empty where all is well."""

    about: str
    text: str
    mend: str = ""


@dataclass
class Seen:
    """What several checks need.

    `holder`: who has the database. `newest_batch`: of data, None where the database was not read.
    `moments`: what happened when, none of which can lie in the future. `checksums`: whether cold
    files are read.
    """

    settings: Settings
    now: datetime
    checksums: bool = False
    holder: str = ""
    newest_batch: int | None = None
    moments: dict[str, datetime] = field(default_factory=dict)


def examine(settings: Settings, *, checksums: bool = False) -> Iterator[Finding]:
    """Yield a line for each thing that was looked at; a check that cannot look says so.

    `checksums`: read every cold file, too, and compare its sha256.
    """
    seen = Seen(settings, datetime.now(UTC).replace(tzinfo=None), checksums)
    for about, check in _CHECKS.items():
        try:
            for text, mend in check(seen):
                yield Finding(about, text, mend)
        except (IngestError, OSError, duckdb.Error, ValueError, KeyError) as error:
            yield Finding(
                about, f"cannot be looked at: {first_line(error)}", "# mend what it names"
            )


Found = Iterator[tuple[str, str]]


def _versions(_: Seen) -> Found:
    names = ("trading-warehouse", "duckdb", "dbt-core", "dbt-duckdb")
    told = ", ".join(f"{name} {version(name)}" for name in names)
    yield f"{told}, Python {platform.python_version()}, {sys.platform}", ""


def _paths(seen: Seen) -> Found:
    yield where(seen.settings), ""


def _database(seen: Seen) -> Found:
    path = seen.settings.database_path
    if not path.exists():
        was = seen.settings.published_path.exists()
        again = _restore(seen, "bring it back")
        yield f"{path} is not there", again if was else "ingest init"
        return
    if path.is_dir():  # to open it would leave locks beside it
        yield f"{path} is a folder", "# name a file in it: DATABASE_PATH or [database] path"
        return
    described = f"{path}, {size(path.stat().st_size)}"
    try:
        with open_briefly(seen.settings) as connection:
            yield from _schema(connection, described)
            yield from _chains(connection, seen)
            written = _written(connection)
    except DatabaseBusyError as busy:
        seen.holder = busy.holder
        lock = path.resolve().with_name(path.name + ".lock")
        since = _modified(lock) if lock.exists() else seen.now
        long = seen.now - since > _WAITED_TOO_LONG
        mend = _look_at(busy.holder)
        yield (
            f"{described}, held by {busy.holder} for {age(seen.now - since)}",
            mend if long else "",
        )
    except (IngestError, duckdb.Error) as error:
        # locks are files beside it
        barred = not (os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK))
        mend = f"# {run_as_owner(path)}" if barred else _restore(seen, "see docs/restore.md")
        yield first_line(error), mend
    else:
        yield from _cold_files(written, seen)


def _schema(connection: duckdb.DuckDBPyConnection, described: str) -> Found:
    has, known = current_version(connection), migrations()[-1][0]
    newer = f"its schema has version {has}, this code knows {known}"
    if has > known:
        yield f"{described}: {newer}", "# install the code that it was written with, or newer"
    elif has < known:
        yield f"{described}: {newer}", "ingest init"
    else:
        yield f"{described}, schema version {has}, nobody holds it", ""


def _chains(connection: duckdb.DuckDBPyConnection, seen: Seen) -> Found:
    if not exists(connection, "state.chains"):
        return
    newest, last_landed = connection.execute(SQL.landed()).fetchall()[0]
    seen.newest_batch = newest
    if last_landed:
        seen.moments["the newest landing"] = last_landed
    pending = connection.execute(SQL.pending(), [newest]).fetchall()[0]
    if not value_of(connection, "select count(*) from state.chains"):
        pending = ("every chain", 0) if newest else (None, None)
    if pending[0] is None:
        yield f"every chain of models is built up to batch {newest}", ""
    else:
        waits_since = value_of(connection, SQL.landed_after(), [pending[1]])
        long = seen.now - waits_since > _WAITED_TOO_LONG
        text = f"landed and not built since {age(seen.now - waits_since)}: {pending[0]}"
        yield text, "ingest cycle" if long else ""
    if exists(connection, "state.waiting_regions"):
        for relation, keys, first, last in connection.execute(SQL.waiting()).fetchall():
            text = f"{keys:,} keys wait for archived days of {relation} from {first} to {last}"
            yield text, f"ingest archive restore {relation} {first} {last}"


def _written(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, str]]:
    """Return the bytes and the hex sha256 of each cold file, by its path."""
    if not has_manifest(connection):
        return {}
    named = connection.execute(
        f"select distinct path, bytes, sha256 from raw.cold_files where {READABLE}"
    ).fetchall()
    return {str(path): (int(size), str(sha256)) for path, size, sha256 in named}


def _cold_files(written: Mapping[str, tuple[int, str]], seen: Seen) -> Found:
    sizes = {path: size for path, (size, _) in written.items()}
    there: dict[str, int] = {}
    remote = [path for path in sizes if is_remote(path)]
    for base in {path.removesuffix(key_of(path)) for path in remote}:
        there |= {
            base + found.key: found.bytes for found in store_of(base + "cold/x").list("cold/")
        }
    for path in sizes.keys() - set(remote):
        file = seen.settings.data_dir / path
        if file.exists():
            there[path] = file.stat().st_size
    gone = sorted(path for path in sizes if path not in there)
    cut = sorted(path for path, size in there.items() if sizes.get(path, size) != size)
    what_to_do = _restore(seen, "bring them back")
    if gone:
        text = f"{len(gone):,} of {len(sizes):,} cold files are not there, the first is {gone[0]}"
        yield text, what_to_do
    if cut:
        yield (
            f"{len(cut):,} of {len(sizes):,} cold files are not as long as they were written,"
            f" the first is {cut[0]}",
            what_to_do,
        )
    local = (seen.settings.data_dir / path for path in there if not is_remote(path))
    barred = sorted(file for file in local if not os.access(file, os.R_OK))
    if barred:
        yield (
            f"{len(barred):,} of {len(sizes):,} cold files may not be read,"
            f" the first is {barred[0]}",
            f"# {run_as_owner(barred[0])}",
        )
    changed = [] if gone or cut or barred or not seen.checksums else _changed(written, seen)
    if changed:
        yield (
            f"{len(changed):,} of {len(sizes):,} cold files have other bytes than were written,"
            f" the first is {changed[0]}",
            what_to_do,
        )
    elif sizes and not (gone or cut or barred):
        read = ", with the bytes that were written" if seen.checksums else ""
        yield f"all {len(sizes):,} cold files are there{read}", ""


def _changed(written: Mapping[str, tuple[int, str]], seen: Seen) -> list[str]:
    """Read every file: of most damage within a page of Parquet no engine says anything."""
    data_dir = seen.settings.data_dir
    return sorted(
        path for path, (_, sha256) in written.items() if sha256_at(data_dir, path) != sha256
    )


def _spool(seen: Seen) -> Found:
    waiting = [*seen.settings.spool_dir.glob("*.parquet"), *left_frames(seen.settings)]
    if not waiting:
        yield "nothing waits", ""
        return
    since = min(_modified(path) for path in waiting)
    text = f"{len(waiting):,} segments wait, the oldest for {age(seen.now - since)}"
    long = seen.now - since > _WAITED_TOO_LONG
    yield text, "ingest land --pending" if long else ""
    unread = sorted(path for path in waiting if not (path.is_file() and os.access(path, os.R_OK)))
    if unread:
        yield (
            f"{len(unread):,} of them are no files or may not be read, the first is {unread[0]}",
            "ingest land --pending  # it says why; land the source again and remove it",
        )


def _cycle(seen: Seen) -> Found:
    lock = seen.settings.data_dir / "cycle.lock"
    if not lock.exists():
        yield "none has run here", "ingest cycle" if seen.settings.database_path.exists() else ""
        return
    taken = seen.moments["the last cycle"] = _modified(lock)
    if is_locked(lock):
        pid, held = lock.read_text(encoding="utf-8").strip(), seen.now - taken
        long = held > _WAITED_TOO_LONG
        holder = f"process {pid} ({command_of(pid)})"
        yield f"{holder} runs for {age(held)}", _look_at(holder) if long else ""
        return
    # `ingest archive` and `compact` take its lock too
    noted = began_at(seen.settings)
    began = datetime.fromtimestamp(noted, UTC).replace(tzinfo=None) if noted else taken
    seen.moments["the last cycle"] = began
    passed = seen.now - began
    manifest = newest_manifest(seen.settings)
    if manifest is None or (_modified(manifest) < began and not ended_well(seen.settings)):
        yield (
            f"the last began {age(passed)} ago and published nothing",
            "ingest cycle  # it says why",
        )
    else:
        yield f"the last began {age(passed)} ago", "ingest cycle" if passed > _CYCLE_IS_OLD else ""


def _publication(seen: Seen) -> Found:
    path = seen.settings.published_path
    manifest = newest_manifest(seen.settings)
    if manifest is None or not path.exists():
        yield f"{path} is not there", "ingest cycle"
        return
    described = description(manifest)
    at = datetime.fromisoformat(described["published_at"]).replace(tzinfo=None)
    seen.moments["the publication"] = at
    try:
        duckdb.connect(str(path), read_only=True).close()
    except duckdb.Error as error:
        yield f"{path} cannot be opened: {first_line(error)}", "ingest publish"
        return
    kept = sum(1 for _ in path.parent.glob("versions/*/manifest.json"))
    yield f"{path}, {size(described['bytes'])}, {age(seen.now - at)} old, {kept} kept", ""
    for reason, names in by_reason(described.get("held_back", {})).items():
        yield (
            f"{', '.join(names)}: as published before, because of {reason}",
            "ingest cycle  # when that is mended; publication_status says more",
        )


def _backup(seen: Seen) -> Found:
    url = seen.settings.backup_store
    backups = load(open_store(url))
    if backups.damaged:
        first = next(iter(backups.damaged.values()))
        mend = f"ingest backup verify  # take what it names out of {url}"
        yield f"{len(backups.damaged)} damaged: {first}", mend
    if backups.newest is None:
        yield f"none in {url}", "ingest backup create --full"
        return
    at = backups.newest.taken_at
    seen.moments["the newest backup"] = at
    text = f"{url}: the newest is {age(seen.now - at)} old, batch {backups.newest.last_batch}"
    if not seen.settings.backup.store:
        text += "; a lost disk takes it along (BACKUP_STORE)"
    covers = seen.newest_batch is not None and backups.newest.last_batch >= seen.newest_batch
    old = seen.now - at > _BACKUP_IS_OLD and not covers
    yield text, "ingest backup create" if old else ""


def _disk(seen: Seen) -> Found:
    settings = seen.settings
    database = settings.database_path
    needed = max(_LEAST_FREE, database.stat().st_size if database.exists() else 0)
    folders = {
        folder.stat().st_dev: folder
        for folder in map(_nearest, (settings.performance.temp_directory, settings.data_dir))
    }
    for folder in folders.values():
        free = shutil.disk_usage(folder).free
        yield (
            f"{folder}: {size(free)} free",
            f"du -xh {shlex.quote(str(folder))} | sort -h | tail  # make room for {size(needed)}:"
            " a publication is a copy"
            if free < needed
            else "",
        )


def _clock(seen: Seen) -> Found:
    zone = datetime.now().astimezone()
    text = f"{seen.now:%Y-%m-%d %H:%M:%S} UTC, the system's zone is {zone:%Z}"
    late = {what: at for what, at in seen.moments.items() if at - seen.now > _CLOCKS_DIFFER}
    for what, at in late.items():
        yield f"{text}; {what} was at {at:%Y-%m-%d %H:%M:%S}", "timedatectl set-ntp true"
    if not late:
        yield text, ""


_CHECKS: dict[str, Callable[[Seen], Found]] = {
    "versions": _versions,
    "paths": _paths,
    "database": _database,
    "spool": _spool,
    "cycle": _cycle,
    "published": _publication,
    "backup": _backup,
    "disk": _disk,
    "clock": _clock,
}


def _restore(seen: Seen, otherwise: str) -> str:
    """Return the command that restores beside the folder, or what to do where no backup is."""
    with suppress(IngestError, OSError):  # what is wrong with the backups has a line of its own
        if load(open_store(seen.settings.backup_store)).newest is None:
            return f"# {otherwise}: there is no backup"
    folder = shlex.quote(f"{seen.settings.data_dir}.restored")
    return f"ingest restore --to {folder}  # or {otherwise}"


def _look_at(holder: str) -> str:
    """Return the command that shows a process; `holder` names its number, where that is known."""
    number = re.search(r"\d+", holder)
    look = f"ps -fp {number[0]}  " if number else ""
    return f"{look}# see what it does; to kill it loses nothing that was acknowledged"


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    whole = folder.absolute()
    return next(each for each in (whole, *whole.parents) if each.exists())


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
