"""The spool: immutable segments that wait for the database, durable before anything is said.

A segment is `<nanoseconds>-<kind>-<sha256, 12 digits>.parquet` with its description in a
`.json` beside it, which is written first. Unfinished files live in `spool/tmp/`.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from python_ingest.errors import FileRejectedError
from python_ingest.settings import Settings
from python_ingest.storage import files
from python_ingest.storage.files import move_into_place, sync_to_disk

SERVICE = "ingest"  # what landing and dbt report of themselves comes in segments of this name


@dataclass(frozen=True)
class Segment:
    """What is known of a segment besides its rows.

    `canonical`: the file is the source itself and is validated while it is landed; else the rows
    carry their verdict. `others`: messages of kinds that are not ours, by kind.
    """

    name: str
    kind: str
    file_name: str
    sha256: str
    format: str
    canonical: bool
    others: dict[str, int]


def new_name(kind: str, sha256: str) -> str:
    """Return a name that sorts by time and is taken by nobody else."""
    return f"{time.time_ns():020d}-{kind}-{sha256[:12]}"


def age_seconds(segment: Segment) -> float:
    """Return how long ago a segment was made."""
    return (time.time_ns() - int(segment.name.split("-", 1)[0])) / 1e9


def path_of(settings: Settings, segment: Segment) -> Path:
    """Where a waiting segment lies."""
    return settings.spool_dir / f"{segment.name}.parquet"


def scratch(settings: Settings) -> AbstractContextManager[Path]:
    """A folder of this process for unfinished files; gone afterwards."""
    return files.scratch(settings.spool_dir / "tmp")


def commit(settings: Settings, segment: Segment, finished: Path) -> None:
    """Make a finished file a segment: durable, under its name, description first."""
    _describe(settings, segment, finished.parent)
    move_into_place(finished, path_of(settings, segment))


def adopt(settings: Settings, segment: Segment, source: Path, folder: Path) -> None:
    """Make a file that already is a segment one of ours, without a second copy if possible."""
    _describe(settings, segment, folder)
    linked = folder / "adopted.parquet"
    try:
        os.link(source, linked)
    except OSError:
        shutil.copyfile(source, linked)
    move_into_place(linked, path_of(settings, segment))


def _describe(settings: Settings, segment: Segment, folder: Path) -> None:
    temporary = folder / "description.json"
    temporary.write_text(json.dumps(asdict(segment)), encoding="utf-8")
    move_into_place(temporary, path_of(settings, segment).with_suffix(".json"))


def pending(settings: Settings) -> list[Segment]:
    """Return the waiting segments, oldest first; clear what dead processes left unfinished."""
    files.clear_unfinished(settings.spool_dir / "tmp")
    found = []
    for path in sorted(settings.spool_dir.glob("*.parquet")):
        try:
            found.append(read_description(path))
        except (OSError, ValueError) as error:
            if not path.exists():  # another loader landed it meanwhile
                continue
            raise FileRejectedError(
                f"{path}: its description {path.stem}.json cannot be read ({error});"
                " land its source again and remove it"
            ) from None
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
    """Move a segment whose rows are committed to `spool/landed/`, where backups find it."""
    folder = settings.spool_dir / "landed"
    if not folder.exists():
        folder.mkdir()
        sync_to_disk(settings.spool_dir)
    path = path_of(settings, segment)
    with suppress(FileNotFoundError):  # another loader moved it
        path.rename(folder / path.name)
        path.with_suffix(".json").rename(folder / f"{segment.name}.json")
        sync_to_disk(folder)


def discard(settings: Settings, segment: Segment) -> None:
    """Remove a segment whose content was landed before from another one.

    Where no other one is in `spool/landed/`, this is the one: its loader was killed after the
    commit and before the move.
    """
    content = segment.name.split("-", 1)[1]
    if not any((settings.spool_dir / "landed").glob(f"*-{content}.parquet")):
        landed(settings, segment)
        return
    path = path_of(settings, segment)
    path.unlink(missing_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)
