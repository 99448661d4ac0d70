"""All feeds that are declared: those in `vendors/`, and a user's own, which may replace them."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from python_ingest.errors import ConfigError, UsageError
from python_ingest.feeds.declaration import SHIPPED, Declaration, parsed, raw
from python_ingest.feeds.declared import require_compiles
from python_ingest.feeds.faults import close_to
from python_ingest.feeds.kinds import KINDS
from python_ingest.feeds.relation import CANONICAL_VERSION

CANONICAL = ("parquet", "csv", "ndjson")
"""Formats of canonical columns."""

_VENDORS = Path(__file__).parent / "vendors"
# editors on Windows call it so, and hide the end of the name
_IS_TOML = re.compile(r"^[^.].*\.toml(\.txt)?$", re.IGNORECASE)
_NAME = re.compile(r"""^\s*name\s*=\s*["']([^"']+)["']""", re.MULTILINE)


@dataclass(frozen=True)
class Fault:
    """What is wrong with one of a user's own declarations, in a line that names file and key.

    `name` and `kind` say which feed it would be, as far as it tells; no name: it can be used, by
    `--format`.
    """

    what: str
    name: str | None = None
    kind: str | None = None


def feeds(folder: Path | None = None) -> tuple[Declaration, ...]:
    """Return the feeds, by name and kind. `folder` holds a user's own, and may be missing.

    Own ones that are wrong are `faults`, and not among them.
    """
    return tuple(feed for _, feed in _all(folder)[0])


@lru_cache
def canonical_csv(kind: str, delimiter: str = ",", given: str | None = None) -> Declaration:
    """Return the feed of files with canonical columns; `given`: one that may be missing."""
    columns = {column.name: column for column in KINDS[kind].columns}
    required = [name for name, column in columns.items() if column.required and name != given]
    said = {
        "name": "csv",
        "kind": kind,
        "about": "canonical columns",
        "version": CANONICAL_VERSION,
        "file": {"format": "csv", "delimiter": delimiter},
        "recognise": {"header": required, "optional": [*columns]},
        "columns": {name: name for name in columns},
    }
    return Declaration.model_validate(said)


def faults(folder: Path | None = None) -> tuple[Fault, ...]:
    """Return what is wrong with a user's own declarations."""
    return _all(folder)[1]


def require_sound(name: str, kind: str | None, folder: Path | None) -> None:
    """Raise ConfigError where a declaration that is wrong would be the feed of a name and kind.

    `kind`: None for any.
    """
    for fault in faults(folder):
        if fault.name == name and (fault.kind == kind or None in (fault.kind, kind)):
            raise ConfigError(fault.what)


def named(name: str, folder: Path | None = None) -> list[Declaration]:
    """Return the feeds of one name, one per kind.

    Raises UsageError when there is none, ConfigError when its declaration is wrong.
    """
    require_sound(name, None, folder)
    found = [feed for feed in feeds(folder) if feed.name == name]
    if not found:
        near = close_to(name, [feed.name for feed in feeds(folder)])
        raise UsageError(f"there is no feed {name!r}: ingest feeds lists them{near}")
    return found


def source_of(feed: Declaration, folder: Path | None = None) -> Path:
    """Return the file that a feed was read from."""
    return next(path for path, other in _all(folder)[0] if other == feed)


_Found = tuple[tuple[tuple[Path, Declaration], ...], tuple[Fault, ...]]


def _all(folder: Path | None) -> _Found:
    files = folder.iterdir() if folder and folder.is_dir() else []
    own = sorted(path for path in files if _IS_TOML.search(path.name))
    return _read(tuple(own), tuple(map(_changed, own)))


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # whoever reads it says why


@lru_cache(maxsize=1)
def _ours() -> tuple[dict[Path, dict[str, Any]], tuple[tuple[Path, Declaration], ...]]:
    said = {path: raw(path) for path in sorted(_VENDORS.glob("*.toml"))}
    bases = {path.stem: content for path, content in said.items()}
    return said, tuple(
        (path, parsed(path, content, bases, SHIPPED)) for path, content in said.items()
    )


@lru_cache(maxsize=4)
def _read(own: Sequence[Path], changed: Sequence[float]) -> _Found:
    said, ours = _ours()
    bases = {path.stem: content for path, content in said.items()}
    found = {(feed.name, feed.kind): (path, feed) for path, feed in ours}
    wrong: list[Fault] = []
    read: dict[Path, dict[str, Any]] = {}
    for path in own:
        bases.pop(path.stem, None)  # what builds on it builds on no other
        if path.suffix.lower() != ".toml":
            what = f"feed {path}: is not read, since its name does not end with .toml: rename it"
            wrong.append(Fault(what, _named_in(path)))
            continue
        try:
            read[path] = bases[path.stem] = raw(path)
        except ConfigError as error:
            wrong.append(Fault(str(error), _named_in(path)))
    for path, content in read.items():
        try:
            feed = _declared(path, content, bases)
            before = found.get((feed.name, feed.kind))
            if before is not None and before[0] in read:
                raise ConfigError(f"feed {path}: name: {before[0].name} has this name and kind too")
        except ConfigError as error:
            whole = {**bases.get(str(content.get("like")), {}), **content}
            name, kind = (str(whole[key]) if key in whole else None for key in ("name", "kind"))
            wrong.append(Fault(str(error), name or path.stem, kind))
        else:
            found[feed.name, feed.kind] = path, feed
    wrong += _alike(list(found.values()))
    return tuple(one for _, one in sorted(found.items())), tuple(wrong)


def _named_in(path: Path) -> str:
    """Return the name of the feed that a file would be which cannot be read."""
    try:
        said = _NAME.search(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        said = None
    return said[1] if said else path.stem


def _declared(path: Path, content: dict[str, Any], bases: dict[str, dict[str, Any]]) -> Declaration:
    """Return a user's own feed. Raises ConfigError."""
    feed = parsed(path, content, bases)
    if feed.name in CANONICAL:
        raise ConfigError(f"feed {path}: name: {feed.name} is the name of a canonical format")
    try:
        require_compiles(feed)
    except ValueError as error:
        raise ConfigError(f"feed {path}: columns: {error}") from None
    # people change theirs: what was read otherwise is read again
    return feed.model_copy(update={"version": zlib.crc32(feed.model_dump_json().encode()) >> 1})


def _alike(found: list[tuple[Path, Declaration]]) -> list[Fault]:
    """Return the feeds that nothing but `--format` tells apart."""
    seen: dict[str, Path] = {}
    wrong = []
    for path, feed in found:
        # names in one text are told apart by what separates them
        recognise = feed.recognise.model_dump_json(exclude={"example"})
        tells = f"{feed.kind} {recognise} {feed.exchanges}"
        if max(len(feed.recognise.header), len(feed.recognise.fields)) > 1:
            tells += feed.file.delimiter
        before = seen.setdefault(tells, path)
        if before != path:
            wrong.append(Fault(f"feed {path}: recognise: matches the same files as {before.name}"))
    return wrong
