"""Publish: a compact, verified copy of the database that readers open, replaced in one step.

A reader that has the old file open goes on reading it; a publication that fails leaves the old
one in place. The last `keep` publications stay under `published/versions/`.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from python_ingest.errors import IngestError, NotInitialisedError
from python_ingest.reading.layout import ROW_GROUP_SIZE, indexed_column, order_by
from python_ingest.reading.views import portable_view
from python_ingest.settings import Settings
from python_ingest.storage.files import move_into_place, sha256_of, sync_to_disk
from python_ingest.storage.sql import quoted, sql_path
from python_ingest.storage.writer import open_writer

_TARGET = "publication"


@dataclass(frozen=True)
class Publication:
    """What was published: path, size in bytes, hex sha256 and rows per table."""

    path: str
    published_at: str
    bytes: int
    sha256: str
    rows: dict[str, int]


def _copy_tables(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables()"
        " where database_name = current_database() and not internal and not temporary"
        " order by all"
    ).fetchall()
    rows: dict[str, int] = {}
    for schema, table in tables:
        name = f"{quoted(schema)}.{quoted(table)}"
        connection.execute(f"create schema if not exists {_TARGET}.{quoted(schema)}")
        copied = connection.execute(
            f"create table {_TARGET}.{name} as select * from {name}{order_by(table)}"
        ).fetchone()
        if (column := indexed_column(table)) and schema != "raw":
            index = quoted(f"{table}_by_{column}")
            connection.execute(f"create index {index} on {_TARGET}.{name} ({column})")
        rows[f"{schema}.{table}"] = int(copied[0]) if copied else 0
    return rows


def _copy_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the views again in the copy; those that read others come after them."""
    catalog = connection.execute("select current_database()").fetchone()
    assert catalog is not None  # noqa: S101 - the query has one row
    waiting = connection.execute(
        "select schema_name, view_name, sql from duckdb_views()"
        " where database_name = current_database() and not internal"
    ).fetchall()
    connection.execute(f"use {_TARGET}")
    try:
        while waiting:
            left, last_error = [], ""
            for schema, view, sql in waiting:
                try:
                    select = portable_view(connection, sql, catalog[0])
                    connection.execute(f"create schema if not exists {quoted(schema)}")
                    connection.execute(f"create view {quoted(schema)}.{quoted(view)} as {select}")
                except duckdb.CatalogException as error:
                    left.append((schema, view, sql))
                    last_error = str(error).splitlines()[0]
            if len(left) == len(waiting):
                names = ", ".join(f"{schema}.{view}" for schema, view, _ in left)
                raise IngestError(f"views that cannot be published: {names}: {last_error}")
            waiting = left
    finally:
        connection.execute(f"use {quoted(catalog[0])}")


def _write_copy(settings: Settings, target: Path) -> dict[str, int]:
    if not settings.database_path.exists():
        raise NotInitialisedError(f"{settings.database_path} is not there: run `ingest init`")
    with open_writer(settings) as connection:
        connection.execute(
            f"attach {sql_path(target)} as {_TARGET} (row_group_size {ROW_GROUP_SIZE})"
        )
        rows = _copy_tables(connection)
        _copy_views(connection)
        connection.execute(f"detach {_TARGET}")
    return rows


def _forget_old_versions(versions: Path, keep: int) -> None:
    for old in sorted(versions.iterdir())[:-keep]:
        shutil.rmtree(old)


def publish(settings: Settings) -> Publication:
    """Copy the database to `published/` and replace what readers open; returns what was written.

    Raises IngestError, and leaves the former publication, when the copy cannot be made.
    """
    published = settings.published_path
    versions = published.parent / "versions"
    now = datetime.now(UTC)
    version = versions / now.strftime("%Y%m%dT%H%M%S%fZ")
    unfinished = published.parent / f".{version.name}.{os.getpid()}"
    unfinished.mkdir(parents=True)
    try:
        copy = unfinished / published.name
        try:
            rows = _write_copy(settings, copy)
        except (duckdb.Error, OSError) as error:
            raise IngestError(f"publishing failed: {str(error).splitlines()[0]}") from error
        sync_to_disk(copy)
        publication = Publication(
            str(published), now.isoformat(), copy.stat().st_size, sha256_of(copy), rows
        )
        manifest = unfinished / "manifest.json"
        manifest.write_text(json.dumps(asdict(publication), indent=2), encoding="utf-8")
        versions.mkdir(exist_ok=True)
        unfinished.rename(version)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    link = published.with_suffix(f".{os.getpid()}.tmp")
    os.link(version / published.name, link)
    move_into_place(link, published)
    _forget_old_versions(versions, settings.publish.keep)
    return publication
