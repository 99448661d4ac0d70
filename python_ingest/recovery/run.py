"""Steps that full and incremental backups share: store, working folder, finish."""

import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import duckdb

from python_ingest.cli.progress import Report
from python_ingest.errors import DiskFullError
from python_ingest.recovery.manifest import Landing, Manifest, StoredFile, Tools, encoded
from python_ingest.recovery.sets import UNFINISHED, Backups
from python_ingest.settings import Settings
from python_ingest.storage.disk_full import is_disk_full
from python_ingest.storage.failures import as_database_error, first_line
from python_ingest.storage.files import sha256_of
from python_ingest.storage.object_store import ObjectStore

Kind = Literal["full", "incremental"]


@dataclass
class Run:
    """A backup while it is made, under the lock. `notes`: messages for the operator.

    `migration`: the state of a move from TimescaleDB, as it was before the database was copied;
    `feeds`: the declarations in DATA_DIR/feeds by their file's name; `first`: the first landing.
    `finished`: how many backups this run has made; a full one may close the set before it.
    """

    settings: Settings
    store: ObjectStore
    backups: Backups
    folder: Path
    report: Report
    notes: list[str] = field(default_factory=list)
    migration: dict[str, Any] | None = None
    feeds: dict[str, str] = field(default_factory=dict)
    first: Landing | None = None
    finished: int = 0

    def begin(self, backup_id: str) -> None:
        """Mark the backup as unfinished; call it before the first upload."""
        self.store.put_bytes(b"", f"{backup_id}/{UNFINISHED}")

    def put(self, path: Path, key: str, sha256: str | None = None) -> StoredFile:
        """Move a file of the working folder into the store."""
        size = path.stat().st_size
        sha256 = sha256 or sha256_of(path)
        self.store.put(path, key, sha256=sha256, consume=True)
        return StoredFile(key=key, bytes=size, sha256=sha256)

    def finish(self, manifest: Manifest) -> Manifest:
        """Write the manifest; from now on the backup exists."""
        self.finished += 1
        known = max((one.number for one in self.backups.made), default=0)
        number = known + self.finished
        known_too = {"migration": self.migration, "feeds": self.feeds, "first": self.first}
        manifest = manifest.model_copy(update={**known_too, "number": number})
        self.store.put_bytes(encoded(manifest), manifest.key)
        self.store.delete(f"{manifest.id}/{UNFINISHED}")
        return manifest


@contextmanager
def working_folder(store: ObjectStore, settings: Settings) -> Iterator[Path]:
    """Yield an empty folder; removes leftovers of a killed run, as only one runs at a time."""
    root = store.workspace(settings.data_dir / ".backup")
    shutil.rmtree(root, ignore_errors=True)
    folder = root / f"{os.getpid()}-{time.time_ns()}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def in_our_words(what: str, where: Path) -> Iterator[None]:
    """Turn errors of DuckDB and of the system into ours.

    Raises DiskFullError when there was no room for `what` in `where`.
    """
    try:
        yield
    except (duckdb.Error, OSError) as error:
        if is_disk_full(error):
            raise DiskFullError(
                f"no room for {what} in {where}, nothing is left of it: {first_line(error)}"
            ) from error
        raise as_database_error(error) from error


def new_id(kind: Kind) -> str:
    """Return an id that sorts by time."""
    return f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S.%fZ')}-{kind}"


def tools() -> Tools:
    """Return the versions that make this backup."""
    return Tools(
        trading_warehouse=version("trading-warehouse"),
        duckdb=duckdb.__version__,
        python=platform.python_version(),
    )
