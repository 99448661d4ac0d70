"""Extract a relation of TimescaleDB: range by range into Parquet, resumable, checked.

A killed run continues where it stopped; after a finished one, a new run reads everything again.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from python_ingest.errors import UsageError
from python_ingest.migration import manifest
from python_ingest.migration.manifest import Manifest, Part
from python_ingest.migration.range_reader import Listener, RangeReader
from python_ingest.migration.ranges import Range, calendar, chosen, merged
from python_ingest.migration.relation import (
    Relation,
    chunks,
    has_changed,
    read_relation,
    read_retention,
)
from python_ingest.migration.server import Session, TimescaleError, instant, session
from python_ingest.migration.tables import landed_sql
from python_ingest.settings import Settings
from python_ingest.storage.files import sha256_of
from python_ingest.storage.process_lock import process_lock
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


def extract(settings: Settings, request: Request, listener: Listener | None = None) -> Manifest:
    """Extract one relation; returns the manifest of everything extracted of it.

    Raises TimescaleError when the server fails; the next run continues with what was read.
    """
    listener = listener or Listener()
    try:
        return _extract(settings, request, listener)
    finally:
        listener.done()


def _extract(settings: Settings, request: Request, listener: Listener) -> Manifest:
    with session() as server:
        relation = read_relation(
            server, request.relation, time=request.time, timeframe=request.timeframe
        )
        folder = manifest.folder_of(settings, relation.name)
        with process_lock(folder / ".lock", f"extraction of {relation.name}"):
            finished = manifest.load(folder)
            run = begin(server, relation, request, folder, finished)
            _forget_files(folder, run, finished)
            listener.planned(len(run.plan), len(run.parts), expected_rows(relation, run))
            reader = RangeReader(relation, folder, run, listener)
            reader.read(server, run.missing(), request.jobs)
            _read_what_came(server, reader)
            _read_what_changed(server, reader, listener)
            return _finish(server, reader, folder, finished)


def _read_what_came(server: Session, reader: RangeReader) -> None:
    """Read ranges that were created meanwhile, within the span of the run."""
    now = ranges(server, reader.relation)
    known = {(r.start, r.end) for r in reader.run.plan}
    new = [
        r
        for r in now
        if (r.start, r.end) not in known
        and any(r.overlaps(span) for span in reader.run.covered)
        and not any(r.overlaps(planned) for planned in reader.run.plan)
    ]
    reader.extend(new)
    reader.read(server, new, 1)


def _read_what_changed(server: Session, reader: RangeReader, listener: Listener) -> None:
    changed = [part for part in reader.run.parts if has_changed(server, reader.relation, part)]
    if not changed:
        return
    now = ranges(server, reader.relation)  # a chunk may have been compressed since, or dropped
    current = {(r.start, r.end): r for r in now}
    changed = [part for part in changed if _is_there(part, now)]
    for part in changed:
        listener.changed(part.range, still=False)
        reader.read(server, [current.get((part.start, part.end), part.range)], 1)
    for part in [p for p in reader.run.parts if any(p.range == c.range for c in changed)]:
        if has_changed(server, reader.relation, part):
            listener.changed(part.range, still=True)
            reader.mark_changing(part)


def _is_there(part: Part, now: list[Range]) -> bool:
    """Whether the server has a chunk, or rows, where the part was read."""
    return any(part.range.overlaps(r) for r in now)


def _finish(
    server: Session, reader: RangeReader, folder: Path, before: Manifest | None
) -> Manifest:
    """Replace the parts of the former extraction that the run answers for.

    What the server has no longer is kept as `gone`, in case that nobody else has it.
    """
    run = reader.run
    with server.snapshot():
        now = ranges(server, reader.relation)
        retention = read_retention(server, reader.relation, now)
    before = before or replace(run, parts=(), covered=())
    start = attrgetter("start")
    kept = [part for part in before.parts if not part.range.overlaps(run.asked)]
    away = [part for part in before.gone if not part.range.overlaps(run.asked)]
    former = (*before.parts, *before.gone)
    replaced = [part for part in former if part.range.overlaps(run.asked)]
    finished = replace(
        run,
        parts=tuple(sorted([*kept, *(p for p in run.parts if _is_there(p, now))], key=start)),
        gone=tuple(sorted([*away, *_gone([*run.parts, *replaced], now)], key=start)),
        retention=retention,
        covered=merged([*run.covered, *before.covered]),
        finished_at=datetime.now(UTC).replace(tzinfo=None),
    )
    manifest.save(folder, finished, manifest.FINISHED)
    (folder / manifest.UNFINISHED).unlink(missing_ok=True)
    _forget_files(folder, finished, None)
    return finished


def _gone(newest_first: list[Part], now: list[Range]) -> list[Part]:
    """Return the parts with rows where the server has nothing now; of two, what was read last."""
    found: list[Part] = []
    for part in newest_first:
        is_known = any(part.range.overlaps(other.range) for other in found)
        if part.rows + part.rejected and not _is_there(part, now) and not is_known:
            found.append(part)
    return found


def _forget_files(folder: Path, *kept: Manifest | None) -> None:
    """Delete files that no manifest names; killed or replaced runs left them."""
    named = {
        name
        for one in kept
        if one
        for part in (*one.parts, *one.gone)
        for name in (part.file, part.rejects_file)
    }
    for path in [*folder.glob("*.parquet"), *folder.glob(".*.parquet")]:
        if path.name not in named:
            path.unlink(missing_ok=True)


def begin(
    server: Session,
    relation: Relation,
    request: Request,
    folder: Path,
    finished: Manifest | None,
) -> Manifest:
    """Return the killed run to continue, where it read the same columns of the same table there.

    Else a new run. Raises UsageError when the folder holds a table of another schema, or what the
    run would keep is by another time; TimescaleError when rows have no time.
    """
    if finished and finished.source not in ("", relation.sql_name):
        raise UsageError(
            f"{folder} holds the rows of {finished.source}: extract {relation.sql_name} as a view"
            " of another name, or move that folder away"
        )
    known = relation.table
    time = known.time if known and relation.timeframe else relation.time
    if finished and finished.time != time and (request.since or request.until):
        raise UsageError(
            f"{folder} holds {relation.name} by {finished.time}: extract it by {time} as a"
            " whole, without --from and --to"
        )
    require_times(server, relation)
    columns = {column.name: column.type for column in relation.columns}
    read: dict[str, Any] = {
        "source": relation.sql_name,
        "table_there": relation.table_there,
        "time": time,
        "timeframe": relation.timeframe,
        "columns": columns,
        "since": request.since,
        "until": request.until,
    }
    unfinished = manifest.load(folder, manifest.UNFINISHED)
    if unfinished and all(getattr(unfinished, name) == value for name, value in read.items()):
        intact = [part for part in unfinished.parts if _is_intact(folder, part)]
        return replace(unfinished, parts=tuple(intact))
    started = datetime.now(UTC).replace(tzinfo=None)
    kept = [part.range for part in (*finished.parts, *finished.gone)] if finished else []
    plan, asked = chosen(ranges(server, relation), request.since, request.until, kept)
    # Nothing that has happened by now is missing; what is dated later may still come. Of two clocks
    # the one that is ahead is wrong.
    ((now,),) = server.rows("select now()::text")
    covered = Range(asked.start, min(asked.end, started, instant(now, "the server's clock")))
    return Manifest(
        relation=relation.name,
        table=known.name if known else None,
        run=f"{started:%Y%m%dT%H%M%S%f}",
        started_at=started,
        plan=tuple(plan),
        covered=(covered,) if covered.start < covered.end else (),
        # orders and trades become events together
        landed_sql=landed_sql(known, columns)
        if known and known.kind not in (None, "orders")
        else "",
        asked=asked,
        **read,
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
