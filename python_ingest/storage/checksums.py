"""Rows and an order-free checksum of a relation: what proves that a copy holds the same rows."""

from __future__ import annotations

import duckdb

from python_ingest.storage.sql import columns_of, quoted


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
