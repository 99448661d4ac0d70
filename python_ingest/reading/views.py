"""Views that follow their file: their SQL without the catalog's name.

DuckDB stores a view with the name of the database file it was made in, so a copy attached under
another name would read the old file, or nothing.
"""

from __future__ import annotations

import json
from typing import Any

import duckdb

from python_ingest.errors import IngestError


def _forget_catalog(node: Any, catalog: str) -> None:
    if isinstance(node, dict):
        if node.get("catalog_name") == catalog:
            node["catalog_name"] = ""
        for child in node.values():
            _forget_catalog(child, catalog)
    elif isinstance(node, list):
        for child in node:
            _forget_catalog(child, catalog)


def portable_view(connection: duckdb.DuckDBPyConnection, view_sql: str, catalog: str) -> str:
    """Return the SELECT of a `CREATE VIEW ... AS SELECT ...` with every `catalog.` taken out.

    DuckDB's own parser does the work, so that text in literals stays as it is.
    """
    query = view_sql.split(" AS ", 1)[1].rstrip(";")
    row = connection.execute("select json_serialize_sql(?)", [query]).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if tree["error"]:
        raise IngestError(f"a view cannot be published: {tree.get('error_message')}: {query[:80]}")
    _forget_catalog(tree, catalog)
    row = connection.execute("select json_deserialize_sql(?)", [json.dumps(tree)]).fetchone()
    return str(row[0]) if row else query
