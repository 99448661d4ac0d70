"""What relations and columns mean, in the catalogue of the published file.

The texts are those of the models' properties. Any client can ask for them:

>>> select column_name, comment from duckdb_columns() where table_name = 'trades'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import duckdb

from python_ingest.storage.sql import literal, quoted


class Description(NamedTuple):
    """What a relation is, and its columns by name."""

    text: str
    columns: Mapping[str, str]


Descriptions = Mapping[str, Description]


def descriptions(manifest: Mapping[str, Any]) -> dict[str, Description]:
    """Return the descriptions of the relations of schema `main`, from dbt's manifest."""
    return {
        str(node["alias"]): Description(
            _one_line(node["description"]),
            {
                str(column["name"]).lower(): _one_line(column["description"])
                for column in node["columns"].values()
            },
        )
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == "main"
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())


def write_descriptions(connection: duckdb.DuckDBPyConnection, described: Descriptions) -> None:
    """Comment on relations of `main` of the current database; a column without a text gets none.

    The file may hold comments of the publication that it began as, so all are written.
    """
    kinds = connection.execute(
        "select table_name, 'table' from duckdb_tables()"
        " where database_name = current_database() and schema_name = 'main' and not internal"
        " union all select view_name, 'view' from duckdb_views()"
        " where database_name = current_database() and schema_name = 'main' and not internal"
    ).fetchall()
    columns = connection.execute(
        "select table_name, column_name from duckdb_columns()"
        " where database_name = current_database() and schema_name = 'main' and not internal"
    ).fetchall()
    nothing = Description("", {})
    statements = [
        f"comment on {kind} main.{quoted(name)} is {_text(described.get(name, nothing).text)}"
        for name, kind in kinds
    ]
    statements += [
        f"comment on column main.{quoted(name)}.{quoted(column)}"
        f" is {_text(described.get(name, nothing).columns.get(column.lower(), ''))}"
        for name, column in columns
    ]
    connection.execute(";".join(statements))


def read_descriptions(connection: duckdb.DuckDBPyConnection, catalog: str) -> Descriptions:
    """Return what an attached publication says of its relations."""
    named = {"catalog": catalog}
    columns: dict[str, dict[str, str]] = {}
    for relation, column, text in connection.execute(
        "select table_name, column_name, comment from duckdb_columns()"
        " where database_name = $catalog and schema_name = 'main' and comment is not null",
        named,
    ).fetchall():
        columns.setdefault(relation, {})[column.lower()] = text
    relations = connection.execute(
        "select table_name, comment from duckdb_tables()"
        " where database_name = $catalog and schema_name = 'main' and comment is not null"
        " union all select view_name, comment from duckdb_views()"
        " where database_name = $catalog and schema_name = 'main' and comment is not null",
        named,
    ).fetchall()
    return {name: Description(text, columns.get(name, {})) for name, text in relations}


def _text(text: str) -> str:
    return literal(text) if text else "null"
