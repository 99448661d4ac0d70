"""The spool: immutable segments that wait for the database, durable before anything is said.

A segment is `<nanoseconds>-<kind>-<sha256, 12 digits>.parquet` with its description in a
`.json` beside it, which is written first. Unfinished files live in `spool/tmp/`, what a stream
received and did not write yet in `spool/frames/`.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from python_ingest.settings import Settings
from python_ingest.storage import files
from python_ingest.storage.files import make_folder, sha256_of, sync_to_disk

if TYPE_CHECKING:  # a cycle that finds nothing new reads no lines
    from python_ingest.feeds.relation import Scan

SERVICE = "ingest"  # what landing and dbt report of themselves comes in segments of this name


@dataclass(frozen=True)
class Segment:
    """What is known of a segment besides its rows.

    `canonical`: the file is a copy of the source and is validated while it is landed; else the
    rows carry their verdict. `others`: messages of kinds that are not ours, by kind. `sha256` is
    the source's, `parquet_sha256` the segment's own. `again`: land it though its source landed.
    The three after it are as in `feeds.relation.Scan`; a segment that does not say was written when
    every sequence number was taken for a key. `markets` as of `feeds.relation.validated`: one that
    does not say landed before symbols were held against their market. `one_spelling`: nothing
    has one in its rows (docs/adr/0012).
    """

    name: str
    kind: str
    file_name: str
    sha256: str
    format: str
    canonical: bool
    others: dict[str, int]
    feed_version: int | None = None
    again: bool = False
    parquet_sha256: str | None = None
    sequence_identifies: bool = True
    trade_id_identifies: bool = True
    newest_first: bool = False
    markets: bool = False
    one_spelling: bool = False


def new_name(kind: str, sha256: str) -> str:
    """Return a name that sorts by time and is taken by nobody else."""
    made = max(time.time_ns(), 0)  # a clock before 1970: a sign would be no part of the number
    return f"{made:020d}-{kind}-{sha256[:12]}"


def of_scan(kind: str, file_name: str, sha256: str, scan: Scan, others: dict[str, int]) -> Segment:
    """Return the segment of what was read; `sha256` is the source's."""
    return Segment(
        name=new_name(kind, sha256),
        kind=kind,
        file_name=file_name,
        sha256=sha256,
        format=scan.format,
        canonical=False,
        others=others,
        feed_version=scan.version,
        sequence_identifies=scan.sequence_identifies,
        trade_id_identifies=scan.trade_id_identifies,
        newest_first=scan.newest_first,
        markets=True,
        one_spelling=True,
    )


def age_seconds(segment: Segment) -> float:
    """Return how long ago a segment was made."""
    return (time.time_ns() - _made_ns(segment)) / 1e9


def made_at(segment: Segment) -> datetime:
    """Return when a segment was made, UTC."""
    return datetime(1970, 1, 1) + timedelta(microseconds=_made_ns(segment) // 1000)


def _made_ns(segment: Segment) -> int:
    return int(segment.name.split("-", 1)[0])


def path_of(settings: Settings, segment: Segment) -> Path:
    """Where a waiting segment lies."""
    return settings.spool_dir / f"{segment.name}.parquet"


def is_there(settings: Settings, segment: Segment) -> bool:
    """Tell whether a segment waits; not where nobody can look."""
    with suppress(OSError):
        return path_of(settings, segment).exists()
    return False


def scratch(settings: Settings) -> AbstractContextManager[Path]:
    """A folder of this process for unfinished files; gone afterwards."""
    return files.scratch(settings.spool_dir / "tmp")


def commit(settings: Settings, segment: Segment, finished: Path) -> Segment:
    """Make a finished file a segment: durable, under its name, description first."""
    sha256 = segment.sha256 if segment.canonical else sha256_of(finished)
    segment = replace(segment, parquet_sha256=sha256)
    put(segment, finished, settings.spool_dir)
    return segment


def put(segment: Segment, finished: Path, folder: Path) -> None:
    """Make a finished file durable under a segment's name in a folder, its description first."""
    description = finished.with_name("description.json")
    description.write_text(json.dumps(asdict(segment)), encoding="utf-8")
    for path in (description, finished):
        sync_to_disk(path)
    # file systems keep the order of two renames in a folder, so that one flush is enough
    description.replace(folder / f"{segment.name}.json")
    finished.replace(folder / f"{segment.name}.parquet")
    sync_to_disk(folder)


def not_as_written(settings: Settings, segment: Segment, actual: str) -> str | None:
    """Return the line that says that a segment's bytes, of that sha256, are not as written.

    None where they are, or where nobody kept what they were.
    """
    expected = segment.sha256 if segment.canonical else segment.parquet_sha256
    if expected is None:
        with suppress(OSError, ValueError):
            expected = read_description(path_of(settings, segment)).parquet_sha256
    if expected in (None, actual):
        return None
    return (
        f"{segment.name}.parquet is not what was written: sha256 {actual}, not {expected};"
        f" remove it and land {segment.file_name} again"
    )


def withdraw(settings: Settings, segment: Segment) -> None:
    """Remove a segment that nobody was told of: the file behind it cannot be landed."""
    path = path_of(settings, segment)
    path.unlink(missing_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)


def pending(settings: Settings) -> list[Path]:
    """Return the waiting segments' files, oldest first; clear what nobody works on any more."""
    files.clear_unfinished(settings.spool_dir / "tmp")
    _follow_moved(settings)
    return sorted(settings.spool_dir.glob("*.parquet"))


def _follow_moved(settings: Settings) -> None:
    """Move the descriptions of segments that were moved by a loader which was killed then."""
    folder = settings.spool_dir / "landed"
    for description in settings.spool_dir.glob("*.json"):
        with suppress(OSError):  # its loader moves it, or the next call does
            name = f"{description.stem}.parquet"
            # both have it where a power loss took back half of the moves
            if (folder / name).exists() and not (settings.spool_dir / name).exists():
                description.rename(folder / description.name)


def frames_folder(settings: Settings) -> Path:
    """Where streams keep received frames until they are segments."""
    return settings.spool_dir / "frames"


def left_frames(settings: Settings) -> list[Path]:
    """Return the logs of frames that killed streams left, oldest first."""
    found = []
    for path in sorted(frames_folder(settings).glob("*.ndjson")):
        file = files.hold_free(path)
        if file is not None:
            found.append(path)
            os.close(file)
    return found


def kept(settings: Settings) -> dict[str, Path]:
    """Return every segment that is here, waiting or landed, by its name: where it lay just now.

    Waiting ones are listed first, so that one which moves meanwhile is in one of both lists.
    """
    found: dict[str, Path] = {}
    for folder in (settings.spool_dir, settings.spool_dir / "landed"):
        with suppress(FileNotFoundError):
            for entry in os.scandir(folder):
                if entry.name.endswith(".parquet"):
                    found[entry.name.removesuffix(".parquet")] = Path(entry.path)
    return found


def read_description(path: Path) -> Segment:
    """Return what stands beside a segment's file. Raises OSError or ValueError."""
    try:
        return Segment(**json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
    except TypeError as error:
        raise ValueError(str(error)) from error


def landed(settings: Settings, segment: Segment) -> None:
    """Move a segment whose rows are committed to `spool/landed/`, where backups find it.

    A power loss may take that back: whoever lands it again finds it landed, and moves it.
    """
    folder = settings.spool_dir / "landed"
    make_folder(folder)
    path = path_of(settings, segment)
    with suppress(FileNotFoundError):  # another loader moved it
        path.rename(folder / path.name)
        path.with_suffix(".json").rename(folder / f"{segment.name}.json")


def discard(settings: Settings, segment: Segment) -> None:
    """Remove a segment whose content was landed before from another one.

    Where no other one is in `spool/landed/`, this is the one: its loader was killed after the
    commit and before the move.
    """
    content = segment.name.split("-", 1)[1]
    if not any((settings.spool_dir / "landed").glob(f"*-{content}.parquet")):
        landed(settings, segment)
        return
    withdraw(settings, segment)
