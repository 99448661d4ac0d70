"""What analysts can query in the published file, with row counts."""

from __future__ import annotations

from pathlib import Path

from python_ingest.publication.attached import opened
from python_ingest.storage.sql import quoted, value_of


def relations(published: Path) -> list[tuple[str, int]]:
    """Return (name, rows) of every relation of schema `main`, by name.

    Raises as `opened`.
    """
    with opened(published) as connection:
        names = connection.execute(
            "select table_name from information_schema.tables"
            " where table_schema = 'main' and table_catalog = current_database() order by 1"
        ).fetchall()
        return [
            (name, value_of(connection, f"select count(*) from {quoted(name)}"))
            for (name,) in names
        ]
