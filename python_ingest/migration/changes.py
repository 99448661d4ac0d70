"""Whether rows of a range changed since they were read."""

from __future__ import annotations

from typing import Any

import psycopg

from python_ingest.migration.copy_out import between
from python_ingest.migration.manifest import Part
from python_ingest.migration.ranges import Range
from python_ingest.migration.relation import Relation


def look(connection: psycopg.Connection, relation: Relation, span: Range) -> dict[str, Any]:
    """Return the mark that shows later whether this range changed; in the reading transaction.

    Rows of plain tables and uncompressed chunks have versions, so the snapshot is enough: later
    rows are newer than it. Elsewhere a checksum of the content is returned.
    """
    if relation.has_versions and not span.is_compressed:
        row = connection.execute("select pg_snapshot_xmin(pg_current_snapshot())::text").fetchone()
        return {"snapshot": int(row[0]) if row else 0}
    return {"content": _content(connection, relation, span)}


def has_changed(connection: psycopg.Connection, relation: Relation, part: Part) -> bool:
    """Whether a row was inserted, deleted or updated since the part was read."""
    if "content" in part.seen or not relation.has_versions:
        return bool(part.seen.get("content") != _content(connection, relation, part.range))
    try:
        with connection.transaction():  # within the caller's, which goes on when this one fails
            row = connection.execute(
                "select count(*), count(*) filter (where age(xmin) <= age(%s::text::xid))"
                f" from {relation.sql_name} where {between(relation, part.range)}".encode(),
                [str(part.seen["snapshot"] % 2**32)],
            ).fetchone()
    except psycopg.OperationalError:
        raise
    except psycopg.DatabaseError:  # rows of a chunk that was compressed since have no versions
        return True
    return row is None or row[0] != part.rows + part.rejected or row[1] > 0


def _content(connection: psycopg.Connection, relation: Relation, span: Range) -> str:
    row = connection.execute(
        "select count(*)::text || '/' || coalesce(sum(hashtextextended(r::text, 0)), 0)::text"
        f" from {relation.sql_name} as r where {between(relation, span)}".encode()
    ).fetchone()
    return str(row[0]) if row else ""
