"""Rows and an order-free checksum of a relation: what proves that a copy holds the same rows."""

from __future__ import annotations

import duckdb

from python_ingest.storage.sql import quoted


def row_hash(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """Return SQL of a row's 64-bit hash over all columns by position, to be summed up."""
    described = connection.execute(f"describe select * from {relation}").fetchall()
    return f"hash({', '.join(quoted(row[0]) for row in described)})::hugeint"


def rows_and_checksum(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[int, str]:
    """Return the number of rows and the sum of their 64-bit hashes, over all columns by position.

    `relation` is SQL that can follow `from`. Two relations of the same types have the same sum
    when they hold the same rows, in whatever order. DuckDB may hash otherwise in another version.
    """
    found = connection.execute(
        f"select count(*), coalesce(sum({row_hash(connection, relation)}), 0)::varchar"
        f" from {relation}"
    ).fetchone()
    if found is None:
        raise AssertionError("an aggregate without groups has one row")
    return int(found[0]), str(found[1])
