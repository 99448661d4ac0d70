"""Which queries the server answers: one SELECT that reads relations and calls allowed functions.

The engine is restricted too: no files but cold ones, no extensions, locked settings. This check
refuses what those settings still allow: writing to memory and to the folders of cold files, also
from within a WITH, logging, running text as SQL.
"""

import json
from typing import Any

import duckdb

from python_ingest.errors import QueryError
from python_ingest.publication.views import nodes
from python_ingest.storage.sql import value_of

# A WITH may hold other ones, which write.
_QUERIES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
# Functions in FROM that read only their arguments or the catalog.
_TABLE_FUNCTIONS = {"range", "generate_series", "unnest", "repeat", "json_each", "json_tree"}
_TABLE_FUNCTIONS |= {"duckdb_columns", "duckdb_tables", "duckdb_views", "duckdb_schemas"}
_TABLE_FUNCTIONS |= {"duckdb_functions", "pragma_table_info", "pragma_version"}
_FORBIDDEN_FUNCTIONS = {"write_log", "json_execute_serialized_sql"}


def require_select(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise QueryError unless the text is one SELECT that only reads relations.

    DuckDB's own parser decides; a text that it cannot parse is refused.
    """
    tree: dict[str, Any] = json.loads(value_of(connection, "select json_serialize_sql(?)", [sql]))
    if tree["error"]:
        if tree.get("error_type") == "not implemented":
            raise QueryError("the server is read-only: one SELECT statement at a time")
        raise QueryError(str(tree.get("error_message", "cannot be parsed")))
    if len(tree["statements"]) != 1:
        raise QueryError("the server is read-only: one SELECT statement at a time")
    for node in nodes(tree):
        if "cte_map" in node and node["type"] not in _QUERIES:  # every query has one
            raise QueryError("the server is read-only: a WITH holds SELECTs only")
        name = _called(node)
        if node.get("type") == "TABLE_FUNCTION" and name not in _TABLE_FUNCTIONS:
            raise QueryError(f"{name or 'this table function'}() is not available on the server")
        if name in _FORBIDDEN_FUNCTIONS:
            raise QueryError(f"{name}() is not available on the server")


def _called(node: dict[str, Any]) -> str | None:
    function = node.get("function")
    name = node.get("function_name") or (
        function.get("function_name") if isinstance(function, dict) else None
    )
    return str(name).lower() if name else None
