"""Whether rows of a range changed since they were read."""

from __future__ import annotations

from typing import Any

from python_ingest.migration.manifest import Part
from python_ingest.migration.ranges import Range
from python_ingest.migration.relation import Relation, between
from python_ingest.migration.server import TimescaleError
from python_ingest.migration.session import Session


def look(server: Session, relation: Relation, span: Range) -> dict[str, Any]:
    """Return the mark that shows later whether this range changed; in the reading transaction.

    Rows of plain tables and uncompressed chunks have versions, so the snapshot is enough: later
    rows are newer than it. Elsewhere a checksum of the content is returned.
    """
    if relation.has_versions and not span.is_compressed:
        ((oldest,),) = server.rows("select pg_snapshot_xmin(pg_current_snapshot())::text")
        return {"snapshot": int(oldest)}
    return {"content": _content(server, relation, span)}


def has_changed(server: Session, relation: Relation, part: Part) -> bool:
    """Whether a row was inserted, deleted or updated since the part was read, or is not in it."""
    number = part.rows + part.rejected
    if "content" in part.seen or not relation.has_versions:
        content = _content(server, relation, part.range)
        return part.seen.get("content") != content or content.split("/")[0] != str(number)
    snapshot = part.seen["snapshot"] % 2**32
    try:
        ((rows, newer),) = server.rows(
            f"select count(*), count(*) filter (where age(xmin) <= age('{snapshot}'::xid))"
            f" from {relation.sql_name} where {between(relation, part.range)}"
        )
    except TimescaleError:  # rows of a chunk that was compressed since have no versions
        return True
    return bool(rows != number or newer > 0)


def _content(server: Session, relation: Relation, span: Range) -> str:
    ((content,),) = server.rows(
        "select count(*)::text || '/' || coalesce(sum(hashtextextended(r::text, 0)), 0)::text"
        f" from {relation.sql_name} as r where {between(relation, span)}"
    )
    return str(content)
