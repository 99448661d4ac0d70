"""Publish: a compact, verified copy of the database that readers open, replaced in one step.

A reader that has the old file open goes on reading it; a publication that fails leaves the old
one in place. The last `keep` publications stay under `published/versions/`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from python_ingest.errors import IngestError, NotInitialisedError
from python_ingest.reading.layout import BLOCK_SIZE, ROW_GROUP_SIZE, indexed_column, order_by
from python_ingest.reading.stored import stored_views
from python_ingest.reading.views import Relation, View, portable_view
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import has_manifest, readable_files
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.files import move_into_place, sha256_of, sync_to_disk
from python_ingest.storage.s3_session import read_s3_where_named
from python_ingest.storage.sql import quoted, sql_path
from python_ingest.storage.writer import open_writer

_TARGET = "publication"


@dataclass(frozen=True)
class Publication:
    """What was published: path, size in bytes, hex sha256 and rows per table.

    `cold_files`: those that its views name, as the manifest does; they are kept as long as it is.
    """

    path: str
    published_at: str
    bytes: int
    sha256: str
    rows: dict[str, int]
    cold_files: list[str]


def _needed(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Relation, View | None]]:
    """Yield schema `main` and what its views read, each relation after those it reads."""
    row = connection.execute("select current_database()").fetchone()
    catalog = str(row[0]) if row else ""
    found = connection.execute(
        "select schema_name, table_name, null from duckdb_tables()"
        " where database_name = current_database() and not internal and not temporary"
        " union all select schema_name, view_name, sql from duckdb_views()"
        " where database_name = current_database() and not internal order by all"
    ).fetchall()
    sql_of = {Relation(schema, name): sql for schema, name, sql in found}
    done: set[Relation] = set()

    def visit(relation: Relation, reader: str) -> Iterator[tuple[Relation, View | None]]:
        if relation in done:
            return
        done.add(relation)
        if relation not in sql_of:
            raise IngestError(f"{reader} reads {'.'.join(relation)}, which is not there")
        sql = sql_of[relation]
        view = portable_view(connection, sql, catalog) if sql else None
        for read in view.reads if view else []:
            yield from visit(read, ".".join(relation))
        yield relation, view

    for relation in sql_of:
        if relation.schema == "main":
            yield from visit(relation, "")


def _name(relation: Relation) -> str:
    return f"{quoted(relation.schema)}.{quoted(relation.name)}"


def _copy_table(connection: duckdb.DuckDBPyConnection, target: Relation, select: str) -> int:
    """Make a table of the attached target in the order of its readers; return its rows."""
    name = f"{_TARGET}.{_name(target)}"
    connection.execute(f"create schema if not exists {_TARGET}.{quoted(target.schema)}")
    copied = connection.execute(
        f"create table {name} as {select}{order_by(target.name)}"
    ).fetchone()
    if column := indexed_column(target.name):
        index = quoted(f"{target.name}_by_{column}")
        connection.execute(f"create index {index} on {name} ({column})")
    return int(copied[0]) if copied else 0


def _create_view(connection: duckdb.DuckDBPyConnection, view: Relation, select: str) -> None:
    connection.execute(f"create schema if not exists {quoted(view.schema)}")
    connection.execute(f"create view {_name(view)} as {select}")


def _copy(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Copy what analysts query into the attached target; return the rows of each table."""
    rows: dict[str, int] = {}
    needed = list(_needed(connection))
    stored = {each.view: each for each in stored_views(needed)}
    emptied = {each.landed for each in stored.values()}
    left_out = {relation for each in stored.values() for relation in each.only_here}
    needed = [(relation, view) for relation, view in needed if relation not in left_out]
    for relation, view in needed:
        if view is None:
            none = " where false" if relation in emptied else ""
            rows[".".join(relation)] = _copy_table(
                connection, relation, f"select * from {_name(relation)}{none}"
            )
        elif each := stored.get(relation):
            landed = f"{_name(each.landed)} using ({each.key})"
            only = f" semi join {landed}" if each.cold else ""
            rows[".".join(each.table)] = _copy_table(
                connection, each.table, f"select * from {_name(relation)}{only}"
            )
    # Only with the target as current database do unqualified names mean the target's.
    connection.execute(f"use {_TARGET}")
    for relation, view in needed:
        each = stored.get(relation)
        if view is None or (each and not each.cold):
            continue
        if each:
            _create_view(connection, each.rest, view.select)
            both = f"select * from {_name(each.table)} union all select * from {_name(each.rest)}"
            _create_view(connection, relation, both)
        else:
            _create_view(connection, relation, view.select)
    return rows


def _write_copy(settings: Settings, target: Path) -> tuple[dict[str, int], list[str]]:
    if not settings.database_path.exists():
        raise NotInitialisedError(f"{settings.database_path} is not there: run `ingest init`")
    with open_writer(settings) as connection:
        connection.execute(
            f"attach {sql_path(target)} as {_TARGET}"
            f" (block_size {BLOCK_SIZE}, row_group_size {ROW_GROUP_SIZE})"
        )
        read_s3_where_named(connection)
        relations = RELATIONS if has_manifest(connection) else ()
        cold_files = [file.path for name in relations for file in readable_files(connection, name)]
        return _copy(connection), cold_files


def named_cold_files(settings: Settings) -> set[str]:
    """Return the cold files that any kept publication names."""
    versions = settings.published_path.parent / "versions"
    return {
        path
        for manifest in versions.glob("*/manifest.json")
        for path in json.loads(manifest.read_text(encoding="utf-8")).get("cold_files", [])
    }


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
            rows, cold_files = _write_copy(settings, copy)
        except (duckdb.Error, OSError) as error:
            raise IngestError(f"publishing failed: {str(error).splitlines()[0]}") from error
        sync_to_disk(copy)
        publication = Publication(
            str(published), now.isoformat(), copy.stat().st_size, sha256_of(copy), rows, cold_files
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
