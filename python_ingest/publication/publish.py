"""Publish: a compact, verified copy of the database that readers open, replaced in one step.

A reader that has the old file open goes on reading it; a publication that fails leaves the old
one in place. The last `keep` publications stay under `published/versions/`.
"""

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from python_ingest.errors import DatabaseError, IngestError, NothingBeforeError
from python_ingest.publication.attached import opened
from python_ingest.publication.copying import Copied, copy_into
from python_ingest.publication.descriptions import Descriptions, descriptions
from python_ingest.publication.former import FORMER
from python_ingest.publication.layout import fingerprint
from python_ingest.publication.live_models import RUN, LiveModels, live_models, read_models
from python_ingest.publication.parts import Parts
from python_ingest.publication.status import PublishedState
from python_ingest.publication.taken_over import Begun, taken_over
from python_ingest.publication.versions import (
    forget_old_versions,
    newest_cold_files,
    newest_manifest,
    next_version,
)
from python_ingest.publication.views import name_of
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import readable_paths, require_files
from python_ingest.storage.failures import first_line
from python_ingest.storage.files import (
    make_folder,
    move_into_place,
    scratch_beside,
    sha256_of,
    sync_to_disk,
    write_whole,
)
from python_ingest.storage.s3_session import read_s3_where_named
from python_ingest.storage.sql import sql_path
from python_ingest.storage.writer import open_writer, require_database


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


def _write_copy(
    settings: Settings,
    target: Path,
    state: PublishedState,
    manifest: Mapping[str, Any] | None,
    begun: Begun | None,
) -> tuple[Copied, list[str]]:
    require_database(settings)
    former = taken_over(settings, begun, target)
    with open_writer(settings) as connection:
        read_s3_where_named(connection)
        cold_files = readable_paths(connection)
        if state.held_back:
            cold_files += _attach_former(connection, settings, state)
        require_files(settings.data_dir, cold_files)
        if manifest is None:
            built = _models_as_published(connection, settings)
        else:
            built = live_models(connection, manifest)
        state = replace(state, built=built)
        copied = copy_into(
            connection, target, former.parts if former else {}, state, settings.data_dir
        )
        return copied, sorted(set(cold_files))


def _attach_former(
    connection: duckdb.DuckDBPyConnection, settings: Settings, state: PublishedState
) -> list[str]:
    """Attach the newest publication, with which chains go on; return the cold files it names."""
    manifest = newest_manifest(settings)
    if manifest is None:
        first = next(iter(state.reasons.values()))
        raise NothingBeforeError(f"nothing was published, and nothing was before: {first}")
    file = manifest.with_name(settings.published_path.name)
    connection.execute(f"attach {sql_path(file)} as {FORMER} (read_only)")
    return newest_cold_files(settings)


def _models_as_published(connection: duckdb.DuckDBPyConnection, settings: Settings) -> LiveModels:
    """Return the models that the newest publication has, where nothing was built since."""
    with suppress(DatabaseError), opened(settings.published_path) as former:
        run = former.execute(f"from {name_of(RUN.published())}").fetchall()
        if run == connection.execute(f"from {name_of(RUN)}").fetchall():
            return read_models(former, "published")
    return LiveModels()


def _sha256_on_disk(file: Path) -> str:
    """Flush a file to the disk; return its hex sha256, which is worked out meanwhile."""
    with ThreadPoolExecutor(1) as beside:
        flushed = beside.submit(sync_to_disk, file)
        sha256 = sha256_of(file)
        flushed.result()
    return sha256


def publish(  # noqa: PLR0913 - what is of this build
    settings: Settings,
    chain_of: Mapping[str, str] | None = None,
    reasons: Mapping[str, str] | None = None,
    manifest: Mapping[str, Any] | None = None,
    *,
    described: Descriptions | None = None,
    begun: Begun | None = None,
) -> Publication:
    """Copy the database to `published/` and replace what readers open; returns what was written.

    `chain_of`: the chain of each relation that has one. Relations of chains in `reasons` stay as
    they were published before, and `publication_status` tells why. `manifest`: of dbt's last build,
    whose models `ingest serve` is to run; None: those of the newest publication, where it is of
    that build too. `described`: what the relations mean; None: as the manifest says. `begun`: the
    copy of the former publication, where it was made beside the build.

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
    version = next_version(versions, now)
    with scratch_beside(published) as folder:
        made = folder / version.name
        made.mkdir()
        copy = made / published.name
        try:
            copied, cold_files = _write_copy(settings, copy, state, manifest, begun)
        except (duckdb.Error, OSError) as error:
            raise IngestError(f"publishing failed: {first_line(error)}") from error
        publication = Publication(
            path=str(published),
            published_at=now.isoformat(),
            bytes=copy.stat().st_size,
            sha256=_sha256_on_disk(copy),
            rows=copied.rows,
            cold_files=cold_files,
            layout=fingerprint(),
            free_bytes=copied.free_bytes,
            parts=copied.parts,
            held_back={
                name: state.reasons[state.chain_of[name]] for name in sorted(state.held_back)
            },
        )
        write_whole(made / "manifest.json", json.dumps(asdict(publication), indent=2))
        made.rename(version)
        sync_to_disk(versions)
        link = folder / published.name
        os.link(version / published.name, link)
        move_into_place(link, published)
    forget_old_versions(versions, settings.publish.keep)
    return publication
