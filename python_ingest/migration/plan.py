"""The plan of an extraction: its ranges, which of them are read already, what they cover."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from python_ingest.errors import UsageError
from python_ingest.migration import manifest
from python_ingest.migration.canonical import landed_sql
from python_ingest.migration.manifest import Manifest, Part
from python_ingest.migration.ranges import Range, calendar, chosen
from python_ingest.migration.relation import Relation, chunks
from python_ingest.migration.server import TimescaleError
from python_ingest.migration.session import Session, instant
from python_ingest.storage.files import sha256_of
from python_ingest.storage.sql import quoted


@dataclass(frozen=True)
class Request:
    """What to extract. `since` and `until` are UTC and choose whole ranges that they touch."""

    relation: str
    since: datetime | None = None
    until: datetime | None = None
    jobs: int = 1
    time: str | None = None
    timeframe: str | None = None


def begin(
    server: Session,
    relation: Relation,
    request: Request,
    folder: Path,
    finished: Manifest | None,
) -> Manifest:
    """Return the killed run to continue, else a new run.

    Raises UsageError when the folder holds a table of another schema, TimescaleError when rows have
    no time.
    """
    if finished and finished.source not in ("", relation.sql_name):
        raise UsageError(
            f"{folder} holds the rows of {finished.source}: extract {relation.sql_name} as a view"
            " of another name, or move that folder away"
        )
    require_times(server, relation)
    unfinished = manifest.load(folder, manifest.UNFINISHED)
    if unfinished and (
        unfinished.source, unfinished.since, unfinished.until, unfinished.timeframe,
    ) == (relation.sql_name, request.since, request.until, request.timeframe):  # fmt: skip
        intact = [part for part in unfinished.parts if _is_intact(folder, part)]
        return replace(unfinished, parts=tuple(intact))
    started = datetime.now(UTC).replace(tzinfo=None)
    kept = [part.range for part in (*finished.parts, *finished.gone)] if finished else []
    plan, asked = chosen(ranges(server, relation), request.since, request.until, kept)
    # Nothing that has happened by now is missing; what is dated later may still come.
    covered = Range(asked.start, min(asked.end, started))
    known, columns = relation.table, {column.name: column.type for column in relation.columns}
    return Manifest(
        relation=relation.name,
        table=known.name if known else None,
        time=known.time if known else relation.time,
        timeframe=relation.timeframe,
        run=f"{started:%Y%m%dT%H%M%S%f}",
        started_at=started,
        since=request.since,
        until=request.until,
        plan=tuple(plan),
        covered=(covered,) if covered.start < covered.end else (),
        columns=columns,
        # orders and trades become events together
        landed_sql=landed_sql(known, columns)
        if known and known.kind not in (None, "orders")
        else "",
        asked=asked,
        source=relation.sql_name,
    )


def ranges(server: Session, relation: Relation) -> list[Range]:
    """Return the ranges to read: chunks, or days, months or years of a plain table."""
    if relation.is_hypertable:
        return chunks(server, relation)
    # Minimum and maximum of the bare column: an index answers them.
    time = quoted(relation.time)
    ((first, last),) = server.rows(
        f"select min({time})::text, max({time})::text from {relation.sql_name}"
    )
    if first is None:
        return []
    low, high = (instant(text, f"{relation.name}.{relation.time}") for text in (first, last))
    return calendar(low, high, max(relation.estimated_rows, 0))


def require_times(server: Session, relation: Relation) -> None:
    """Raise TimescaleError when rows have no time: no range has them, and nobody would miss them.

    A hypertable has none.
    """
    if relation.is_hypertable:
        return
    ((number,),) = server.rows(
        f"select count(*) from {relation.sql_name} where {quoted(relation.time)} is null"
    )
    if number:
        raise TimescaleError(
            f"{number:,} rows of {relation.name} have no {relation.time}, and ranges are of times:"
            " mend them there, name another column with --time, or extract a view that gives them"
            " one"
        )


def expected_rows(relation: Relation, run: Manifest) -> int:
    """Return about how many rows the ranges have that are still to be read."""
    share = len(run.missing()) / max(len(run.plan), 1)
    return round(max(relation.estimated_rows, 0) * share)


def _is_intact(folder: Path, part: Part) -> bool:
    path = folder / part.file
    return path.exists() and path.stat().st_size == part.bytes and sha256_of(path) == part.sha256
