"""Publish: a compact, verified copy of the database that readers open, replaced in one step.

A reader that has the old file open goes on reading it; a publication that fails leaves the old
one in place. The last `keep` publications stay under `published/versions/`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from python_ingest.errors import IngestError
from python_ingest.publication.copying import Copied, copy_into
from python_ingest.publication.descriptions import Descriptions, descriptions
from python_ingest.publication.former import FORMER
from python_ingest.publication.layout import fingerprint
from python_ingest.publication.live_models import live_models
from python_ingest.publication.parts import Part, Parts
from python_ingest.publication.status import PublishedState
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import has_manifest, readable_files, require_files
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.failures import first_line
from python_ingest.storage.files import (
    copy_hashed,
    make_folder,
    move_into_place,
    remove_folder,
    scratch_beside,
    sha256_of,
    sync_to_disk,
    write_whole,
)
from python_ingest.storage.s3_session import read_s3_where_named
from python_ingest.storage.sql import sql_path
from python_ingest.storage.writer import open_writer, require_database

# A file with a larger free share is rewritten as a whole.
_MOST_FREE = 1 / 3
# Versions are called by their moment, UTC.
_NAME = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class Publication:
    """What was published: path, size in bytes, hex sha256 and rows per table.

    `cold_files`: the files that its views name; they are kept as long as the publication is.
    `held_back`: why relations are not of this moment, by relation.
    `layout`, `free_bytes`, `parts`: the next publication needs them to take parts over.
    """

    path: str
    published_at: str
    bytes: int
    sha256: str
    rows: dict[str, int]
    cold_files: list[str]
    layout: str
    free_bytes: int
    parts: dict[str, Parts]
    held_back: dict[str, str]


def by_reason(held_back: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the relations that go on as they were published before, by why."""
    found: dict[str, list[str]] = {}
    for relation, reason in held_back.items():
        found.setdefault(reason, []).append(relation)
    return found


def newest_manifest(settings: Settings) -> Path | None:
    """Return what describes the newest publication; None where there is none."""
    found = [kept / "manifest.json" for kept in _kept(settings.published_path.parent / "versions")]
    return next((manifest for manifest in reversed(found) if manifest.exists()), None)


def _description(manifest: Path) -> dict[str, Any]:
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


def _take_over(settings: Settings, target: Path) -> dict[str, Parts]:
    """Copy the newest publication, if its parts can be taken over; return its tables by part."""
    manifest = newest_manifest(settings)
    if manifest is None or not (file := manifest.with_name(settings.published_path.name)).exists():
        return {}
    try:
        former = _description(manifest)
    except IngestError:  # the file is written whole, and the damaged one is forgotten in its turn
        return {}
    if former.get("layout") != fingerprint() or former["free_bytes"] > _MOST_FREE * former["bytes"]:
        return {}
    parts = {
        table: Parts(
            {first: Part(*found) for first, found in kept["parts"].items()}, kept["newest"]
        )
        for table, kept in former["parts"].items()
    }
    with file.open("rb") as source:
        if copy_hashed(source, target, file.stat().st_size) == former["sha256"]:
            return parts
    target.unlink()
    return {}


def _write_copy(
    settings: Settings, target: Path, state: PublishedState, manifest: Mapping[str, Any] | None
) -> tuple[Copied, list[str]]:
    require_database(settings)
    with open_writer(settings) as connection:
        read_s3_where_named(connection)
        relations = RELATIONS if has_manifest(connection) else ()
        cold_files = [file.path for name in relations for file in readable_files(connection, name)]
        if state.held_back:
            cold_files += _attach_former(connection, settings, state)
        require_files(settings.data_dir, cold_files)
        former = _take_over(settings, target)
        if manifest is not None:
            state = replace(state, built=live_models(connection, manifest))
        copied = copy_into(connection, target, former, state, settings.data_dir)
        return copied, sorted(set(cold_files))


def _attach_former(
    connection: duckdb.DuckDBPyConnection, settings: Settings, state: PublishedState
) -> list[str]:
    """Attach the newest publication, with which chains go on; return the cold files it names."""
    manifest = newest_manifest(settings)
    if manifest is None:
        first = next(iter(state.reasons.values()))
        raise IngestError(f"nothing was published, and nothing was before: {first}")
    file = manifest.with_name(settings.published_path.name)
    connection.execute(f"attach {sql_path(file)} as {FORMER} (read_only)")
    return newest_cold_files(settings)


def newest_cold_files(settings: Settings) -> list[str]:
    """Return the cold files that the newest publication names."""
    manifest = newest_manifest(settings)
    if manifest is None:
        return []
    return list(_description(manifest)["cold_files"])


def named_cold_files(settings: Settings) -> set[str]:
    """Return the cold files that any kept publication names."""
    versions = settings.published_path.parent / "versions"
    return {
        path
        for manifest in versions.glob("*/manifest.json")
        for path in _description(manifest).get("cold_files", [])
    }


def _kept(versions: Path) -> list[Path]:
    """Return the folders of kept versions, oldest first; others may put files beside them."""
    return sorted(path for path in versions.glob("*") if path.is_dir() and _moment(path.name))


def _moment(name: str) -> datetime | None:
    try:
        return datetime.strptime(name, _NAME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _next_version(versions: Path, now: datetime) -> Path:
    """Return where the next version goes: after those that are there, though a clock was ahead."""
    kept = _kept(versions)
    newest = _moment(kept[-1].name) if kept else None
    if newest and newest >= now:
        now = newest + timedelta(microseconds=1)
    return versions / now.strftime(_NAME)


def _forget_old_versions(versions: Path, keep: int) -> None:
    for old in _kept(versions)[:-keep]:
        remove_folder(old)


def publish(
    settings: Settings,
    chain_of: Mapping[str, str] | None = None,
    reasons: Mapping[str, str] | None = None,
    manifest: Mapping[str, Any] | None = None,
    described: Descriptions | None = None,
) -> Publication:
    """Copy the database to `published/` and replace what readers open; returns what was written.

    `chain_of`: the chain of each relation that has one. Relations of chains in `reasons` stay as
    they were published before, and `publication_status` tells why. `manifest`: of dbt's last build,
    whose models `ingest serve` is to run. `described`: what the relations mean; None: as the
    manifest says.

    Raises IngestError, and leaves the former publication, when the copy cannot be made.
    """
    published = settings.published_path
    versions = published.parent / "versions"
    now = datetime.now(UTC)
    if described is None:
        described = descriptions(manifest) if manifest else {}
    state = PublishedState(
        now.replace(tzinfo=None), chain_of or {}, reasons or {}, described=described
    )
    make_folder(versions)
    version = _next_version(versions, now)
    with scratch_beside(published) as folder:
        made = folder / version.name
        made.mkdir()
        copy = made / published.name
        try:
            copied, cold_files = _write_copy(settings, copy, state, manifest)
        except (duckdb.Error, OSError) as error:
            raise IngestError(f"publishing failed: {first_line(error)}") from error
        publication = Publication(
            path=str(published),
            published_at=now.isoformat(),
            bytes=copy.stat().st_size,
            sha256=sha256_of(copy),
            rows=copied.rows,
            cold_files=cold_files,
            layout=fingerprint(),
            free_bytes=copied.free_bytes,
            parts=copied.parts,
            held_back={
                name: state.reasons[state.chain_of[name]] for name in sorted(state.held_back)
            },
        )
        sync_to_disk(copy)
        write_whole(made / "manifest.json", json.dumps(asdict(publication), indent=2))
        made.rename(version)
        sync_to_disk(versions)
        link = folder / published.name
        os.link(version / published.name, link)
        move_into_place(link, published)
    _forget_old_versions(versions, settings.publish.keep)
    return publication
