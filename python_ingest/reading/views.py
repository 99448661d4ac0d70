"""Portable views: their SQL without the catalog's name.

DuckDB 1.5 stores a view with the name of the database file it was made in, so a copy attached
under another name would read the old file, or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb

from python_ingest.errors import IngestError

_FILE_READERS = ("read_parquet", "parquet_scan")


class Relation(NamedTuple):
    """A table or view of one database file."""

    schema: str
    name: str


class View(NamedTuple):
    """A view's SELECT without the catalog's name, and what it reads.

    `reads`: the relations it names with a schema. `reads_files`: whether it reads Parquet files.
    """

    select: str
    reads: list[Relation]
    reads_files: bool


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a JSON document, depth first."""
    if isinstance(tree, dict):
        yield tree
    if isinstance(tree, dict | list):
        for child in tree.values() if isinstance(tree, dict) else tree:
            yield from nodes(child)


def portable_view(connection: duckdb.DuckDBPyConnection, view_sql: str, catalog: str) -> View:
    """Take every `catalog.` out of a `CREATE VIEW ... AS SELECT ...`.

    DuckDB's own parser finds them, so text in literals does not change.
    """
    query = view_sql.split(" AS ", 1)[1].rstrip(";")
    row = connection.execute("select json_serialize_sql(?)", [query]).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if tree["error"]:
        raise IngestError(f"a view cannot be published: {tree.get('error_message')}: {query[:80]}")
    reads, reads_files = [], False
    for node in nodes(tree):
        reads_files |= node.get("function_name") in _FILE_READERS
        if node.get("catalog_name") == catalog:
            node["catalog_name"] = ""
        if node.get("type") == "BASE_TABLE" and node.get("schema_name"):
            reads.append(Relation(node["schema_name"], node["table_name"]))
    row = connection.execute("select json_deserialize_sql(?)", [json.dumps(tree)]).fetchone()
    return View(str(row[0]) if row else query, reads, reads_files)
