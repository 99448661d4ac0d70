"""Land the segments of incremental backups again: the same batches, numbers and times."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb

from python_ingest.errors import BackupDamagedError, BackupError
from python_ingest.landing.batch import LandedAs, land_segment
from python_ingest.landing.spool import Segment, path_of
from python_ingest.recovery.manifest import Landing, Manifest, PackedSegment
from python_ingest.recovery.segments import landing
from python_ingest.settings import Settings
from python_ingest.storage.files import sha256_of
from python_ingest.storage.sql import value_of


def replay(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    manifest: Manifest,
    pack: Path,
    at: datetime | None,
) -> Iterator[tuple[Landing, str]]:
    """Land the segments of an incremental backup up to a moment.

    Yields each batch, and how it differs from the original batch (empty: it does not).

    Raises BackupDamagedError when a segment differs from what was packed.
    """
    with tarfile.open(pack) as tar:
        for packed in manifest.segments:
            if at is not None and packed.landing.landed_at > at:
                return
            yield packed.landing, _land(connection, settings, manifest.id, tar, packed)


def _land(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    manifest_id: str,
    tar: tarfile.TarFile,
    packed: PackedSegment,
) -> str:
    segment = Segment(**packed.segment)  # type: ignore[arg-type] # as it was described
    was = packed.landing
    if (
        value_of(connection, "select coalesce(max(batch_id), 0) + 1 from raw.landings")
        != was.batch_id
    ):
        raise BackupError(f"batch {was.batch_id} does not follow what is restored so far")
    path = path_of(settings, segment)
    _unpack(tar, path, manifest_id)
    if sha256_of(path) != packed.sha256:
        raise BackupDamagedError(f"{path.name} in {manifest_id} is not what was packed")
    land_segment(
        connection, settings, segment, LandedAs(was.batch_id, was.landed_at, was.duration_ms)
    )
    path.unlink()
    now = landing(connection, was.batch_id)
    if now == was:
        return ""
    return f"batch {was.batch_id} ({was.file_name}): {_counts(was)} then, {_counts(now)} now"


def _unpack(tar: tarfile.TarFile, path: Path, manifest_id: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    member = tar.extractfile(path.name)
    if member is None:
        raise BackupDamagedError(f"{path.name} is not in {manifest_id}")
    with member, path.open("xb") as file:
        shutil.copyfileobj(member, file)


def _counts(batch: Landing | None) -> str:
    if batch is None:
        return "nothing new"
    return (
        f"{batch.rows_landed:,} landed + {batch.rows_duplicate:,} duplicate"
        f" + {batch.rows_rejected:,} rejected"
    )
