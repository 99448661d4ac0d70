"""Names and paths as SQL text (values are bound instead), and the shortest answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb


def quoted(identifier: str) -> str:
    """Return an SQL identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def sql_path(path: Path) -> str:
    """A path as an SQL string literal, for statements that take no bound value."""
    return literal(str(path))


def value_of(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    values: Sequence[object] | Mapping[str, object] | None = None,
) -> Any:
    """Return the first value of the first row that a statement gives; it must give one."""
    return connection.execute(sql, values).fetchall()[0][0]


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return the columns of a relation or query, in order, and their types."""
    return {row[0]: row[1] for row in connection.execute(f"describe {relation}").fetchall()}
