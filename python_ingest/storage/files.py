"""Files that appear whole or not at all, and their checksums."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_to_disk(path: Path) -> None:
    """Flush a file's, or a folder's, content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_into_place(temporary: Path, final: Path) -> None:
    """Make a finished file durable under its final name, replacing what was there."""
    sync_to_disk(temporary)
    temporary.replace(final)
    sync_to_disk(final.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it durable; harmless when they are there."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_to_disk(path.parent)


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A folder of this process below `parent` for unfinished files; gone afterwards."""
    folder = parent / f"{os.getpid()}-{time.time_ns()}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clear_unfinished(parent: Path) -> None:
    """Remove the scratch folders below `parent` of processes that are gone."""
    for folder in parent.glob("*-*"):
        process = folder.name.split("-")[0]
        if process.isdigit() and not Path(f"/proc/{process}").exists():
            shutil.rmtree(folder, ignore_errors=True)
