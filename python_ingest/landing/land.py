"""Land files: the API that commands and other rooms use."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb

from python_ingest.errors import DatabaseBusyError, FileRejectedError, IngestError
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing import spool
from python_ingest.landing.batch import land_segment, landed_before
from python_ingest.landing.prepare import prepare
from python_ingest.schema.migrate import current_version, migrate
from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line
from python_ingest.storage.files import sha256_of
from python_ingest.storage.writer import open_writer

State = Literal["landed", "already landed", "spooled", "failed"]


@dataclass(frozen=True)
class LandingResult:
    """What became of one file: read = landed + duplicate + rejected.

    `others` counts messages of kinds that are not ours. `error` says why a file failed.
    """

    file: str
    kind: str
    state: State
    batch_id: int | None = None
    read: int = 0
    landed: int = 0
    duplicate: int = 0
    rejected: int = 0
    seconds: float = 0.0
    others: dict[str, int] = field(default_factory=dict)
    error: str | None = None
    lock_wait_seconds: float = 0.0
    segment_age_seconds: float = 0.0


def land_files(
    settings: Settings,
    kind: str,
    paths: Sequence[Path],
    named_format: str | None = None,
    report: Callable[[LandingResult], None] | None = None,
) -> list[LandingResult]:
    """Land files of one kind, each in a transaction of its own; one that fails stops no other.

    Migrates the database. `report` is called with each result as it is known.
    """
    results = []
    for path in paths:
        result = _land_file(settings, kind, path, named_format)
        results.append(result)
        if report:
            report(result)
    return results


def land_pending(
    settings: Settings, report: Callable[[LandingResult], None] | None = None
) -> list[LandingResult]:
    """Land the segments that wait in the spool, oldest first."""
    results = []
    for segment in spool.pending(settings):
        result = land_one(settings, segment)
        results.append(result)
        if report:
            report(result)
    return results


def land_one(settings: Settings, segment: spool.Segment) -> LandingResult:
    """Land one waiting segment; a busy database leaves it in the spool."""
    started = time.monotonic()
    try:
        with open_writer(settings) as connection:
            waited = time.monotonic() - started
            migrate(connection)
            batch = land_segment(connection, settings, segment)
    except DatabaseBusyError as error:
        return LandingResult(
            file=segment.file_name,
            kind=segment.kind,
            state="spooled",
            seconds=time.monotonic() - started,
            others=segment.others,
            error=str(error),
        )
    except (duckdb.Error, IngestError) as error:
        return LandingResult(
            file=segment.file_name,
            kind=segment.kind,
            state="failed",
            seconds=time.monotonic() - started,
            error=f"{first_line(error)} (its segment waits: ingest land --pending)",
        )
    age = spool.age_seconds(segment)
    if batch.new:
        spool.landed(settings, segment)
    else:
        spool.discard(settings, segment)
    return LandingResult(
        file=segment.file_name,
        kind=segment.kind,
        state="landed" if batch.new else "already landed",
        batch_id=batch.batch_id,
        read=batch.read,
        landed=batch.landed,
        duplicate=batch.duplicate,
        rejected=batch.rejected,
        seconds=time.monotonic() - started,
        others=segment.others,
        lock_wait_seconds=waited,
        segment_age_seconds=age,
    )


def _land_file(
    settings: Settings, kind: str, path: Path, named_format: str | None
) -> LandingResult:
    started = time.monotonic()
    try:
        if not path.is_file():
            raise FileRejectedError("is a folder" if path.is_dir() else "no such file")
        sha256 = sha256_of(path)
        before = _seen_before(settings, kind, sha256)
        if before is not None:
            return LandingResult(
                str(path), kind, "already landed", before, seconds=time.monotonic() - started
            )
        segment = prepare(settings, KINDS[kind], path, sha256, named_format)
    except FileRejectedError as error:
        return LandingResult(str(path), kind, "failed", error=str(error))
    except (OSError, duckdb.Error, IngestError) as error:
        return LandingResult(str(path), kind, "failed", error=first_line(error))
    result = land_one(settings, segment)
    return LandingResult(**{**vars(result), "seconds": time.monotonic() - started})


def _seen_before(settings: Settings, kind: str, sha256: str) -> int | None:
    """Ask the database, if it is free, whether the work can be spared."""
    if not settings.database_path.exists():
        return None
    at_once = settings.model_copy(
        update={"pool": settings.pool.model_copy(update={"connection_timeout_ms": 0})}
    )
    try:
        with open_writer(at_once) as connection:
            if current_version(connection) == 0:
                return None
            return landed_before(connection, kind, sha256, clean=True)
    except DatabaseBusyError:
        return None
