"""The copy of the newest publication that the next one begins with (docs/adr/0005).

    with copied_beside(settings) as begun:    # in a thread, while the block runs
        build()
        publish(settings, begun=begun)

To copy the file, hash it and flush it to the disk takes longer than to change what changed.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from pydantic import TypeAdapter

from python_ingest.errors import IngestError
from python_ingest.publication.layout import fingerprint
from python_ingest.publication.parts import Parts
from python_ingest.publication.versions import description, newest_manifest
from python_ingest.settings import Settings
from python_ingest.storage.files import copy_hashed, scratch_beside, sync_to_disk

# A file with a larger free share is rewritten as a whole.
_MOST_FREE = 1 / 3


@dataclass(frozen=True)
class TakenOver:
    """A copy of the publication that `manifest` describes, and its tables by part."""

    file: Path
    manifest: Path
    parts: dict[str, Parts]


Begun = Future[TakenOver | None]


def _take_over(settings: Settings, target: Path) -> TakenOver | None:
    """Copy the newest publication to `target`; None where its parts cannot be taken over."""
    manifest = newest_manifest(settings)
    if manifest is None or not (file := manifest.with_name(settings.published_path.name)).exists():
        return None
    try:
        former = description(manifest)
    except IngestError:  # the file is written whole, and the damaged one is forgotten in its turn
        return None
    if former.get("layout") != fingerprint() or former["free_bytes"] > _MOST_FREE * former["bytes"]:
        return None
    parts = TypeAdapter(dict[str, Parts]).validate_python(former["parts"])
    with file.open("rb") as source:
        if copy_hashed(source, target, file.stat().st_size) == former["sha256"]:
            return TakenOver(target, manifest, parts)
    target.unlink()
    return None


@contextmanager
def copied_beside(settings: Settings) -> Iterator[Begun]:
    """Take the newest publication over in a thread while the block runs.

    What `publish` did not use is gone afterwards. What a killed process left is removed by the next
    publication.
    """
    begun: Begun = Future()
    with scratch_beside(settings.published_path) as folder:
        target = folder / settings.published_path.name
        # A block that is interrupted does not wait for it.
        Thread(target=_fulfil, args=(begun, settings, target), daemon=True).start()
        yield begun


def _fulfil(begun: Begun, settings: Settings, target: Path) -> None:
    try:
        found = _take_over(settings, target) if _has_room(settings) else None
        if found:  # now, beside the build: what is changed later is little
            sync_to_disk(target)
        begun.set_result(found)
    except BaseException as error:
        with suppress(OSError):
            target.unlink()  # the build may need the room
        begun.set_exception(error)


def _has_room(settings: Settings) -> bool:
    """Whether a copy leaves as much room as the database has: no build may fail because of it."""
    try:
        size = settings.published_path.stat().st_size + settings.database_path.stat().st_size
    except FileNotFoundError:
        return False
    return shutil.disk_usage(settings.published_path.parent).free > size


def taken_over(settings: Settings, begun: Begun | None, target: Path) -> TakenOver | None:
    """Return the newest publication as taken over: `target` is what was begun, or a copy made now.

    None where its parts cannot be taken over.
    """
    with suppress(OSError):  # it had no room, or the file went meanwhile
        found = begun.result() if begun else None
        if found and found.manifest == newest_manifest(settings):
            return TakenOver(found.file.rename(target), found.manifest, found.parts)
        if found:
            found.file.unlink()
    return _take_over(settings, target)
