"""What relations and columns mean, in the catalogue of the published file.

The texts are those of the models' properties, and own_relations.toml beside this file. Any client
can ask for them:

>>> select column_name, comment from duckdb_columns() where table_name = 'trades'
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, NamedTuple

import duckdb

from python_ingest.publication.query import SQL
from python_ingest.publication.views import view_texts
from python_ingest.storage.sql import literal, quoted, value_of


class Description(NamedTuple):
    """What a relation is, and its columns by name."""

    text: str
    columns: Mapping[str, str]


Descriptions = Mapping[str, Description]
_TOLD = (files("python_ingest.publication") / "own_relations.toml").read_text(encoding="utf-8")
_OWN = {name: Description(**told) for name, told in tomllib.loads(_TOLD).items()}


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

    `described`: what they mean, but those that a publication has of its own.

    The file may hold comments of the publication that it began as, so all are written.
    """
    texts = view_texts(connection, value_of(connection, "select current_database()"))
    columns = connection.execute(
        "select table_name, column_name from duckdb_columns()"
        " where database_name = current_database() and schema_name = 'main' and not internal"
    ).fetchall()
    known, nothing = {**_OWN, **described}, Description("", {})
    statements = [
        f"comment on {'view' if text else 'table'} main.{quoted(name)}"
        f" is {_text(known.get(name, nothing).text)}"
        for (schema, name), text in texts.items()
        if schema == "main"
    ]
    statements += [
        f"comment on column main.{quoted(name)}.{quoted(column)}"
        f" is {_text(known.get(name, nothing).columns.get(column.lower(), ''))}"
        for name, column in columns
    ]
    connection.execute(";".join(statements))


def read_descriptions(connection: duckdb.DuckDBPyConnection, catalog: str) -> Descriptions:
    """Return what an attached publication says of its relations."""
    named = {"catalog": catalog}
    columns: dict[str, dict[str, str]] = {}
    for relation, column, text in connection.execute(SQL.comments_of_columns(), named).fetchall():
        columns.setdefault(relation, {})[column.lower()] = text
    relations = connection.execute(SQL.comments_of_relations(), named).fetchall()
    return {name: Description(text, columns.get(name, {})) for name, text in relations}


def _text(text: str) -> str:
    return literal(text) if text else "null"
