"""Files to be landed: each by itself, or each of those in a zip."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.unpack import is_zip, members
from python_ingest.landing import spool
from python_ingest.landing.pin import Pinned, name_of, pin, require_file
from python_ingest.settings import Settings


@dataclass(frozen=True)
class InputFile:
    """A file, or one in the private copy of the zip at `path`, where it is called `inside`.

    `several`: it is one of several with data. `no_data` says why it is none, if so.
    """

    path: Path
    zip: Pinned | None = None
    inside: str | None = None
    several: bool = False
    no_data: str | None = None

    @property
    def name(self) -> str:
        """What it is called in the manifest; one of several in a zip with its name there."""
        return self.whole_name if self.several or self.no_data else name_of(self.path)

    @property
    def whole_name(self) -> str:
        """Its path, and its name in the zip."""
        return name_of(self.path) + (f"/{self.inside}" if self.inside else "")


@contextmanager
def files_in(settings: Settings, path: Path) -> Iterator[Sequence[InputFile]]:
    """Copy and list a zip once for all its files; a file that is no zip stands for itself.

    Raises FileRejectedError as `pin` and `members` do. The copy is gone afterwards.
    """
    require_file(path)
    try:
        is_one = is_zip(path)
    except OSError as error:
        raise FileRejectedError(f"cannot be read: {error.strerror}") from None
    if not is_one:
        yield [InputFile(path)]
        return
    with spool.scratch(settings) as folder:
        pinned = pin(path, folder / "pinned")
        files = members(pinned.path)
        several = sum(no_data is None for _, no_data in files) > 1
        yield [InputFile(path, pinned, name, several, no_data) for name, no_data in files]
