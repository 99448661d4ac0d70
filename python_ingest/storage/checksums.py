"""Rows and an order-free checksum of a relation: what proves that a copy holds the same rows."""

from __future__ import annotations

import duckdb

from python_ingest.storage.sql import quoted


def rows_and_checksum(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[int, str]:
    """Return the number of rows and the sum of their 64-bit hashes, over all columns by position.

    `relation` is SQL that can follow `from`. Two relations of the same types have the same sum
    when they hold the same rows, in whatever order. DuckDB may hash otherwise in another version.
    """
    described = connection.execute(f"describe select * from {relation}").fetchall()
    columns = ", ".join(quoted(row[0]) for row in described)
    found = connection.execute(
        f"select count(*), coalesce(sum(hash({columns})::hugeint), 0)::varchar from {relation}"
    ).fetchone()
    if found is None:
        raise AssertionError("an aggregate without groups has one row")
    return int(found[0]), str(found[1])
