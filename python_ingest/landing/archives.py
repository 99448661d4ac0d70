"""The files in a zip, each to be landed as a file of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.unpack import is_zip, members
from python_ingest.landing import spool
from python_ingest.landing.pin import Pinned, pin, require_file
from python_ingest.settings import Settings


@dataclass(frozen=True)
class Member:
    """A file in the private copy of a zip.

    `several`: it is one of several with data. `no_data` says why it is none, if so.
    """

    zip: Pinned
    name: str
    several: bool
    no_data: str | None


@contextmanager
def files_in(settings: Settings, path: Path) -> Iterator[Sequence[Member | None]]:
    """Copy and list a zip once for all its files; None stands for a file that is no zip.

    Raises FileRejectedError as `pin` and `members` do. The copy is gone afterwards.
    """
    require_file(path)
    try:
        is_one = is_zip(path)
    except OSError as error:
        raise FileRejectedError(f"cannot be read: {error.strerror}") from None
    if not is_one:
        yield [None]
        return
    with spool.scratch(settings) as folder:
        pinned = pin(path, folder / "pinned")
        files = members(pinned.path)
        several = sum(no_data is None for _, no_data in files) > 1
        yield [Member(pinned, name, several, no_data) for name, no_data in files]
