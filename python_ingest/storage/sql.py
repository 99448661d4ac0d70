"""Names and paths as SQL text (values are bound instead), and the shortest answers.

Among them an order-free checksum of a relation, which proves that a copy holds the same rows.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
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


def first_of(cases: Iterable[tuple[str, str]], otherwise: str = "") -> str:
    """Return SQL of the value of the first (condition, value) whose condition holds, else NULL."""
    whens = "".join(f"when {condition} then {value} " for condition, value in cases)
    if not whens:
        return otherwise or "null"
    return f"case {whens}else {otherwise} end" if otherwise else f"case {whens}end"


def named_in(sql: str, values: Mapping[str, object]) -> dict[str, object]:
    """Return the values that a statement names, as `$name`: the engine takes no others."""
    return {name: values[name] for name in re.findall(r"\$(\w+)", sql) if name in values}


def value_of(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    values: Sequence[object] | Mapping[str, object] | None = None,
) -> Any:
    """Return the first value of the first row that a statement gives; it must give one."""
    return connection.execute(sql, values).fetchall()[0][0]


def dicts(answer: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return each row of an answer by the names of its columns."""
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return the columns of a relation or query, in order, and their types."""
    return {row[0]: row[1] for row in connection.execute(f"describe {relation}").fetchall()}


def row_hash(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """Return SQL of a row's 64-bit hash over all columns by position, to be summed up."""
    names = map(quoted, columns_of(connection, f"select * from {relation}"))
    return f"hash({', '.join(names)})::hugeint"


def rows_and_checksum(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[int, str]:
    """Return the number of rows and the sum of their 64-bit hashes, over all columns by position.

    `relation` is SQL that can follow `from`. Two relations of the same types have the same sum
    when they hold the same rows, in whatever order. DuckDB may hash otherwise in another version.
    """
    ((rows, checksum),) = connection.execute(
        f"select count(*), coalesce(sum({row_hash(connection, relation)}), 0)::varchar"
        f" from {relation}"
    ).fetchall()
    return rows, checksum
