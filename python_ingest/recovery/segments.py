"""Landed segments: packed into an incremental backup, and landed again as the same batches."""

import shutil
import tarfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Literal

import duckdb

from python_ingest.errors import BackupDamagedError, BackupError
from python_ingest.landing.batch import LandedAs, land_segment
from python_ingest.landing.spool import Segment, made_at, path_of, read_description
from python_ingest.recovery.manifest import Landing, Manifest, PackedSegment
from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line
from python_ingest.storage.files import sha256_of
from python_ingest.storage.sql import value_of

# A loader commits first and moves its segment afterwards.
_MOVE_SECONDS = 5.0
_MAKE_FULL = "make a full backup: ingest backup create --full"


def landings(
    connection: duckdb.DuckDBPyConnection, after: int, up_to: int | None = None
) -> list[Landing]:
    """Return the rows of raw.landings after one batch (and up to another), in order."""
    columns = list(Landing.model_fields)
    found = connection.execute(
        f"select {', '.join(columns)} from raw.landings"
        " where batch_id > ? and batch_id <= coalesce(?, batch_id) order by batch_id",
        [after, up_to],
    ).fetchall()
    return [Landing(**dict(zip(columns, row, strict=True))) for row in found]


def landing(connection: duckdb.DuckDBPyConnection, batch_id: int) -> Landing | None:
    """Return one row of raw.landings."""
    found = landings(connection, batch_id - 1, batch_id)
    return found[0] if found else None


def outermost(
    connection: duckdb.DuckDBPyConnection, which: Literal["min", "max"]
) -> Landing | None:
    """Return the first or the newest row of raw.landings; None where nothing has landed."""
    batch_id = value_of(connection, f"select {which}(batch_id) from raw.landings")
    return None if batch_id is None else landing(connection, batch_id)


def pack(settings: Settings, batches: Sequence[Landing], target: Path) -> list[PackedSegment]:
    """Write the segments of these batches into a tar file.

    Raises BackupError when one is gone or changed: then only a full backup holds its rows.
    """
    packed = []
    found = _segments(settings, batches)
    with tarfile.open(target, "x") as tar:
        for batch in batches:
            segment = found[batch.batch_id]
            path = _moved(settings, f"{segment.name}.parquet")
            sha256 = sha256_of(path)
            if segment.canonical and sha256 != segment.sha256:
                raise BackupError(f"{path} was changed after it had been landed; {_MAKE_FULL}")
            tar.add(path, arcname=path.name)
            packed.append(
                PackedSegment(
                    segment=asdict(segment),
                    bytes=path.stat().st_size,
                    sha256=sha256,
                    landing=batch,
                )
            )
    return packed


def _segments(settings: Settings, batches: Sequence[Landing]) -> dict[int, Segment]:
    """Find the segment of each batch; equal contents are assigned in order of arrival.

    What was made after a batch had landed is another one of its content: it waits, or landed later,
    and its rows may be of another market or account.
    """
    wanted = {batch.sha256[:12] for batch in batches}
    # the spool first: a segment moved meanwhile is then found in at least one folder
    names = {
        path.name
        for folder in (settings.spool_dir, settings.spool_dir / "landed")
        for path in folder.glob("*.json")
        if path.stem.rpartition("-")[2] in wanted
    }
    of_content: dict[tuple[str, str], list[Segment]] = defaultdict(list)
    for name in sorted(names):
        segment = _described(settings, name)
        of_content[segment.kind, segment.sha256].append(segment)
    segments = {}
    for batch in reversed(batches):
        same = of_content[batch.kind, batch.sha256]
        if not same:
            raise BackupError(
                f"batch {batch.batch_id} ({batch.file_name}): its segment is not in"
                f" {settings.spool_dir / 'landed'}; {_MAKE_FULL}"
            )
        before = [it for it in same if made_at(it) <= batch.landed_at] or same
        segments[batch.batch_id] = before[-1]
        if len(same) > 1:
            same.remove(before[-1])
    return segments


def _moved(settings: Settings, name: str) -> Path:
    """Return the path of a spool file; waits while its loader moves it."""
    deadline = time.monotonic() + _MOVE_SECONDS
    while True:
        for folder in (settings.spool_dir, settings.spool_dir / "landed"):
            if (folder / name).exists():
                return folder / name
        if time.monotonic() > deadline:
            raise BackupError(f"{settings.spool_dir / 'landed' / name} is gone; {_MAKE_FULL}")
        time.sleep(0.01)


def _described(settings: Settings, name: str) -> Segment:
    while True:
        path = _moved(settings, name)
        try:
            return read_description(path)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise BackupError(
                f"{path} cannot be read ({first_line(error)}); {_MAKE_FULL}"
            ) from None


def replay(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    manifest: Manifest,
    pack: Path,
    at: datetime | None,
) -> Iterator[str]:
    """Land the segments of an incremental backup up to a moment.

    Yields how each batch differs from the original one (empty: it does not).
    Raises BackupDamagedError when a segment differs from what was packed.
    """
    with tarfile.open(pack) as tar:
        for packed in manifest.segments:
            if at is not None and packed.landing.landed_at > at:
                return
            yield _land(connection, settings, manifest.id, tar, packed)


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
