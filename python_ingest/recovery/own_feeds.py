"""The declarations in `DATA_DIR/feeds/`, in a backup and after a restore.

One that replaces a vendor's says what a file's columns mean: without it files land otherwise.
"""

from __future__ import annotations

from pathlib import Path

from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line
from python_ingest.storage.files import make_folder, write_whole


def _folder(data_dir: Path) -> Path:
    return data_dir / "feeds"


def read_feeds(settings: Settings, notes: list[str]) -> dict[str, str]:
    """Return the text of each declaration by its file's name; none where they lie elsewhere.

    `notes` gets a line for each that cannot be read.
    """
    folder = _folder(settings.data_dir)
    if settings.landing.feeds or not folder.is_dir():
        return {}
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() != ".toml":
            continue
        try:
            found[path.name] = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            notes.append(f"{path} is not in it, as it cannot be read ({first_line(error)})")
    return found


def write_feeds(data_dir: Path, feeds: dict[str, str]) -> None:
    """Write declarations into a restored `data_dir`."""
    if feeds:
        make_folder(_folder(data_dir))
    for name, text in feeds.items():
        write_whole(_folder(data_dir) / name, text)
