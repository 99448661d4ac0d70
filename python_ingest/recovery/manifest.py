"""The manifest of a backup. It is written last: without it there is no backup.

All times are UTC without a zone, as in the database.
"""

import hashlib
import json
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from python_ingest.errors import BackupDamagedError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoredFile(_Part):
    """A file of a backup: key in the store, size and hex sha256."""

    key: str
    bytes: int
    sha256: str


class Table(_Part):
    """A table's Parquet copy; `ddl` creates the table (schema raw is created by its migrations)."""

    schema_name: str
    name: str
    rows: int
    checksum: str
    ddl: str
    file: StoredFile


class ColdFile(_Part):
    """A cold file: its path below DATA_DIR, and where the store keeps it."""

    path: str
    file: StoredFile


class ArchivedFile(_Part):
    """A cold file that only the archive has: `url` of its object, size and hex sha256."""

    url: str
    bytes: int
    sha256: str


class Landing(_Part):
    """A row of raw.landings."""

    batch_id: int
    kind: str
    file_name: str
    sha256: str
    format: str
    rows_read: int
    rows_landed: int
    rows_duplicate: int
    rows_rejected: int
    min_timestamp: datetime | None
    max_timestamp: datetime | None
    landed_at: datetime
    duration_ms: int


class WaitingSegment(_Part):
    """Rows that wait for an archived day: a segment's description, and its file."""

    segment: dict[str, str | bool | int | dict[str, int] | None]
    file: StoredFile


class PackedSegment(_Part):
    """A landed segment inside the backup's tar: its name there, and the batch it became."""

    segment: dict[str, str | bool | int | dict[str, int] | None]
    bytes: int
    sha256: str
    landing: Landing


class Tools(_Part):
    """Versions of what made the backup."""

    trading_warehouse: str
    duckdb: str
    python: str


class Manifest(_Part):
    """A full backup (database, tables, cold files, waiting rows) or an incremental one (segments).

    `number`: backups of a store count up in the order they were made, whatever the clock said (0:
    made before they were counted). `taken_at`: it and the backups before it hold everything
    committed until then. `base` is the
    full backup of its set, `previous` the backup that it continues (empty: none). `first` is the
    first landing of its database, by which one knows it again, `last` the newest; None in an empty
    one (`first`: also not known). `cold_views`: name and type of the columns of each
    view over cold files. `migration`: the state of a move from TimescaleDB, None without one.
    `feeds`: the declarations in DATA_DIR/feeds by their file's name, None if not known.
    """

    id: str
    kind: Literal["full", "incremental"]
    taken_at: datetime
    base: str
    previous: str
    last: Landing | None
    schema_version: int
    tools: Tools
    database: StoredFile | None = None
    tables: list[Table] = []
    cold: list[ColdFile] = []
    cold_views: dict[str, list[tuple[str, str]]] = {}
    archived: list[ArchivedFile] = []
    waiting: list[WaitingSegment] = []
    pack: StoredFile | None = None
    segments: list[PackedSegment] = []
    migration: dict[str, Any] | None = None
    feeds: dict[str, str] | None = None
    number: int = 0
    first: Landing | None = None

    @property
    def key(self) -> str:
        """The manifest's own key."""
        return manifest_key(self.id)

    @property
    def last_batch(self) -> int:
        """The newest batch that is in it, 0 in an empty database."""
        return self.last.batch_id if self.last else 0

    def files(self) -> list[StoredFile]:
        """All objects of the backup but the manifest; other backups may share the cold files."""
        single = [file for file in (self.database, self.pack) if file]
        tables = [table.file for table in self.tables]
        waiting = [one.file for one in self.waiting]
        return [*single, *tables, *waiting, *(cold.file for cold in self.cold)]


def manifest_key(backup_id: str) -> str:
    """Return the key of a backup's manifest."""
    return f"{backup_id}/manifest.json"


def encoded(manifest: Manifest) -> bytes:
    """Return the manifest with the sha256 of its own content."""
    content = manifest.model_dump(mode="json")
    return json.dumps({"sha256": _sha256(content), "manifest": content}, indent=1).encode()


def decoded(text: bytes) -> Manifest:
    """Read a manifest.

    Raises BackupDamagedError when it is not what was written.
    """
    try:
        document = json.loads(text)
        if document["sha256"] != _sha256(document["manifest"]):
            raise BackupDamagedError("its content does not have the sha256 that it names")
        return Manifest.model_validate(document["manifest"])
    except (ValueError, KeyError, TypeError) as error:
        what = "is of another version" if isinstance(error, ValidationError) else "cannot be read"
        raise BackupDamagedError(what) from None


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
