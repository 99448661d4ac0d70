"""The kept publications: a folder each, called by its moment, with what it says of itself."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from python_ingest.errors import IngestError
from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line
from python_ingest.storage.files import remove_folder

# Versions are called by their moment, UTC.
_NAME = "%Y%m%dT%H%M%S%fZ"


def newest_manifest(settings: Settings) -> Path | None:
    """Return what describes the newest publication; None where there is none."""
    found = [kept / "manifest.json" for kept in _kept(settings.published_path.parent / "versions")]
    return next((manifest for manifest in reversed(found) if manifest.exists()), None)


def description(manifest: Path) -> dict[str, Any]:
    """Return what a kept publication says of itself. Raises IngestError where it is damaged."""
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
        what = "no description"
    except ValueError as error:
        what = first_line(error)
    raise IngestError(
        f"{manifest} is damaged ({what}): nobody knows which cold files its publication needs;"
        f" remove {manifest.parent} and run this again"
    )


def newest_cold_files(settings: Settings) -> list[str]:
    """Return the cold files that the newest publication names."""
    manifest = newest_manifest(settings)
    if manifest is None:
        return []
    return list(description(manifest)["cold_files"])


def named_cold_files(settings: Settings) -> set[str]:
    """Return the cold files that any kept publication names."""
    versions = settings.published_path.parent / "versions"
    return {
        path
        for manifest in versions.glob("*/manifest.json")
        for path in description(manifest).get("cold_files", [])
    }


def _kept(versions: Path) -> list[Path]:
    """Return the folders of kept versions, oldest first; others may put files beside them."""
    return sorted(path for path in versions.glob("*") if path.is_dir() and _moment(path.name))


def _moment(name: str) -> datetime | None:
    try:
        return datetime.strptime(name, _NAME).replace(tzinfo=UTC)
    except ValueError:
        return None


def next_version(versions: Path, now: datetime) -> Path:
    """Return where the next version goes: after those that are there, though a clock was ahead."""
    kept = _kept(versions)
    newest = _moment(kept[-1].name) if kept else None
    if newest and newest >= now:
        now = newest + timedelta(microseconds=1)
    return versions / now.strftime(_NAME)


def forget_old_versions(versions: Path, keep: int) -> None:
    """Remove all but the last `keep` versions."""
    for old in _kept(versions)[:-keep]:
        remove_folder(old)
