"""All feeds that are declared: those in `vendors/`, and a user's own, which may replace them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from python_ingest.errors import ConfigError, UsageError
from python_ingest.feeds.declaration import Declaration, parsed, raw

CANONICAL = ("parquet", "csv", "ndjson")
"""Formats of canonical columns: nothing has to be said of them, so they are no declarations."""

_VENDORS = Path(__file__).parent / "vendors"


def feeds(folder: Path | None = None) -> tuple[Declaration, ...]:
    """Return the feeds, by name and kind. `folder` holds a user's own, and may be missing.

    Raises ConfigError, which names the file and the key that is wrong.
    """
    return tuple(feed for _, feed in _all(folder))


def named(name: str, folder: Path | None = None) -> list[Declaration]:
    """Return the feeds of one name, one per kind. Raises UsageError when there is none."""
    found = [feed for feed in feeds(folder) if feed.name == name]
    if not found:
        raise UsageError(f"there is no feed {name!r}: ingest feeds lists them")
    return found


def source_of(feed: Declaration, folder: Path | None = None) -> Path:
    """Return the file that a feed was read from."""
    return next(path for path, other in _all(folder) if other == feed)


def _all(folder: Path | None) -> tuple[tuple[Path, Declaration], ...]:
    own = sorted(folder.glob("*.toml")) if folder and folder.is_dir() else []
    return _read((*sorted(_VENDORS.glob("*.toml")), *own), tuple(p.stat().st_mtime for p in own))


@lru_cache(maxsize=4)
def _read(paths: Sequence[Path], changed: Sequence[float]) -> tuple[tuple[Path, Declaration], ...]:
    said = {path: raw(path) for path in paths}
    bases = {path.stem: content for path, content in said.items()}
    found: dict[tuple[str, str], tuple[Path, Declaration]] = {}
    for path, content in said.items():
        feed = parsed(path, content, bases)
        if path.parent != _VENDORS:  # people change theirs: what was read otherwise is read again
            said_by = feed.model_dump_json().encode()
            feed = feed.model_copy(update={"version": zlib.crc32(said_by) >> 1})
        if feed.name in CANONICAL:
            raise ConfigError(f"feed {path}: name: {feed.name} is the name of a canonical format")
        key = feed.name, feed.kind
        before = found.get(key)
        if before is not None and before[0].parent == path.parent:
            raise ConfigError(f"feed {path}: name: {before[0].name} has this name and kind too")
        found[key] = path, feed
    _require_distinct(list(found.values()))
    return tuple(one for _, one in sorted(found.items()))


def _require_distinct(found: list[tuple[Path, Declaration]]) -> None:
    """Raise ConfigError when two feeds could never be told apart."""
    seen: dict[str, Path] = {}
    for path, feed in found:
        tells = f"{feed.kind} {feed.recognise.model_dump_json()} {feed.exchanges}"
        if tells in seen:
            raise ConfigError(
                f"feed {path}: recognise: matches the same files as {seen[tells].name}"
            )
        seen[tells] = path
