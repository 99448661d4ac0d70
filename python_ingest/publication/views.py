"""Portable views: their SQL without the catalog's name.

DuckDB 1.5 stores a view with the name of the database file it was made in, so a copy attached
under another name would read the old file, or nothing.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from python_ingest.errors import IngestError
from python_ingest.publication.query import SQL
from python_ingest.storage.cold_files import here
from python_ingest.storage.cold_place import is_remote
from python_ingest.storage.sql import quoted, value_of

_FILE_READERS = ("read_parquet", "parquet_scan")
# The schema of a published file that holds what its schema main is made of.
INTERNAL = "internal"
_NESTED = (dict, list)
# So many texts are kept with what DuckDB's parser says of them, which is the same in all sessions
# of ours (session_config).
_MOST_KNOWN = 2000


class Relation(NamedTuple):
    """A table or view of one database file."""

    schema: str
    name: str

    def published(self) -> "Relation":
        """Return what the warehouse's relation is called in a published file (docs/adr/0005)."""
        if self.schema in ("main", INTERNAL):
            return self
        return Relation(INTERNAL, f"{self.schema}__{self.name}")

    def in_warehouse(self) -> "Relation":
        """Return what a published file's relation is called in the warehouse."""
        if self.schema != INTERNAL:
            return self
        schema, _, name = self.name.partition("__")
        return Relation(schema, name)


Renaming = Callable[[Relation], Relation]


class View(NamedTuple):
    """A view's SELECT without the catalog's name, and what it reads.

    `reads`: the relations it names with a schema. `reads_files`: whether it reads Parquet files.
    """

    select: str
    reads: list[Relation]
    reads_files: bool


def with_what_they_read(
    relations: Iterable[Relation], known: Mapping[Relation, Any]
) -> set[Relation]:
    """Return relations with all that they read, directly or not.

    `known`: views or models, which have `reads`, and None for tables.
    """
    found: set[Relation] = set()
    waiting = [*relations]
    while waiting:
        relation = waiting.pop()
        if relation not in found:
            found.add(relation)
            reading = known.get(relation)
            waiting += reading.reads if reading else ()
    return found


_known_views: dict[tuple[str, str, Renaming | None, str], View] = {}
_known_reads: dict[str, frozenset[Relation]] = {}


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a JSON document, depth first."""
    waiting = [tree]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            found = list(found.values())
        if isinstance(found, list):
            waiting += [value for value in reversed(found) if isinstance(value, _NESTED)]


def portable_view(
    connection: duckdb.DuckDBPyConnection,
    view_sql: str,
    catalog: str,
    renamed: Renaming | None = None,
    *,
    into: str = "",
) -> View:
    """Take every `catalog.` out of a `CREATE VIEW ... AS SELECT ...`, once for each text.

    `renamed`: gives the name that a relation has from now on, always the same one, such as
    `Relation.published`. `into`: the catalog in which it reads from now on; none says the one that
    the view is in.
    """
    key = (view_sql, catalog, renamed, into)
    found = _known_views.get(key)
    if found is None:  # threads may do it twice
        found = moved_view(connection, *key[:3], into=into)
        _keep(_known_views, key, found)
    return found


def _keep(known: dict[Any, Any], key: Any, found: Any) -> None:
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[key] = found


def moved_view(  # noqa: PLR0913 - what changes in the text
    connection: duckdb.DuckDBPyConnection,
    view_sql: str,
    catalog: str,
    renamed: Renaming | None = None,
    data_dir: Path | None = None,
    *,
    into: str = "",
) -> View:
    """Do what `portable_view` does, for a renaming or a place of cold files of the moment.

    DuckDB's own parser finds the names, so text in literals does not change. `data_dir`: where its
    local cold files are now.
    """
    query = view_sql.split(" AS ", 1)[1].rstrip(";")
    tree = _parsed(connection, query)
    reads, reads_files = [], False
    for node in nodes(tree):
        if node.get("function_name") in _FILE_READERS:
            reads_files = True
            for value in nodes(node["children"][0] if data_dir else None):
                path = value.get("value")
                if data_dir and isinstance(path, str) and not is_remote(path):
                    value["value"] = here(data_dir, path)
        if node.get("syntax_type") == "SINGLE_ARROW" and node["expr"]["class"] != "CONSTANT":
            # a file that 1.5 made keeps no form of a lambda, and 2.0 takes this one no more;
            # `json -> 'path'` looks like it
            node["syntax_type"] = "LAMBDA_KEYWORD"
        if node.get("catalog_name") == catalog:
            node["catalog_name"] = ""
        if node.get("type") == "BASE_TABLE" and node.get("schema_name"):
            read = Relation(node["schema_name"], node["table_name"])
            reads.append(read)
            node["catalog_name"] = into
            if renamed and renamed(read) != read:
                node["alias"] = node["alias"] or read.name  # columns may be named by it
                node["schema_name"], node["table_name"] = renamed(read)
    select = value_of(connection, "select json_deserialize_sql(?)", [json.dumps(tree)])
    return View(select, reads, reads_files)


def reads_of(connection: duckdb.DuckDBPyConnection, select: str) -> frozenset[Relation]:
    """Return the relations that a SELECT names with a schema, by DuckDB's own parser."""
    found = _known_reads.get(select)
    if found is None:
        found = frozenset(
            Relation(node["schema_name"], node["table_name"])
            for node in nodes(_parsed(connection, select))
            if node.get("type") == "BASE_TABLE" and node.get("schema_name")
        )
        _keep(_known_reads, select, found)
    return found


def _parsed(connection: duckdb.DuckDBPyConnection, select: str) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(
        value_of(connection, "select json_serialize_sql(?)", [select])
    )
    if tree["error"]:
        raise IngestError(f"cannot be published: {tree.get('error_message')}: {select[:80]}")
    return tree


def view_texts(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[Relation, str | None]:
    """Return the `CREATE VIEW` of each relation of a database, None for a table."""
    found = connection.execute(SQL.relations(), {"catalog": catalog}).fetchall()
    return {Relation(schema, name): sql for schema, name, sql in found}


def needed(  # noqa: PLR0913 - what to take, and its names
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    *,
    only: Collection[str] | None = None,
    left_out: Collection[str] = (),
    also: Collection[Relation] = (),
    renamed: Renaming | None = None,
) -> Iterator[tuple[Relation, View | None]]:
    """Yield schema `main` of a database and what its views read, each after what it reads.

    `only` these relations of `main` and what they read; `left_out`: what comes from elsewhere;
    `also`: relations of other schemas. `renamed`: as of `portable_view`.
    """
    texts = view_texts(connection, catalog)
    done = {Relation("main", name) for name in left_out}

    def visit(relation: Relation, reader: str) -> Iterator[tuple[Relation, View | None]]:
        if relation in done:
            return
        done.add(relation)
        if relation not in texts:
            raise IngestError(f"{reader} reads {'.'.join(relation)}, which is not there")
        text = texts[relation]
        view = portable_view(connection, text, catalog, renamed) if text else None
        for read in view.reads if view else []:
            yield from visit(read, ".".join(relation))
        yield relation, view

    for relation in texts:
        if relation.schema == "main" and (only is None or relation.name in only):
            yield from visit(relation, "")
    for relation in also:
        yield from visit(relation, "what is served live")


def name_of(relation: Relation) -> str:
    """Return the quoted name of a relation with its schema."""
    return f"{quoted(relation.schema)}.{quoted(relation.name)}"
