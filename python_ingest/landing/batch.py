"""One segment into schema `raw`: rows, rejects, conflicts and manifest in one transaction."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import duckdb

from python_ingest.errors import FileRejectedError
from python_ingest.feeds import parquet
from python_ingest.feeds.kinds import KINDS, Kind
from python_ingest.feeds.relation import respelled, validated
from python_ingest.feeds.values import CLOCK
from python_ingest.landing import cold_duplicates, deduplicate, rejects, waiting
from python_ingest.landing.identity import UNORDERED, Identity
from python_ingest.landing.prepare import TRUST_NO_STATISTICS, memory_limit, read
from python_ingest.landing.query import SQL
from python_ingest.landing.rejects import Reason
from python_ingest.landing.spool import Segment, not_as_written, path_of
from python_ingest.settings import Settings
from python_ingest.storage.files import sha256_of
from python_ingest.storage.sql import columns_of, named_in, quoted, value_of
from python_ingest.storage.writer import transaction

_NEXT_BATCH = "select coalesce(max(batch_id), 0) + 1 from raw.landings"
# Of a batch of a stream; its rows fit in memory.
LITTLE_BYTES = 4_000_000


@dataclass(frozen=True)
class Landed:
    """A batch that a content became before, and the version of the feed that read it."""

    batch_id: int
    format: str
    feed_version: int | None

    @property
    def reading(self) -> tuple[str, int | None]:
        """What decides which rows a content has."""
        return self.format, self.feed_version


@dataclass(frozen=True)
class Batch:
    """What one transaction did: read = landed + duplicate + rejected, besides what was ignored.

    `new` is False when everything had been landed before. `before`: the newest batch that took rows
    of the same content otherwise: in another format, for another exchange or account.
    """

    batch_id: int
    read: int
    landed: int
    duplicate: int
    rejected: int
    ignored: int
    new: bool
    reasons: list[Reason] = field(default_factory=list)
    before: Landed | None = None


@dataclass(frozen=True)
class LandedAs:
    """The batch that a segment became before: a restore makes the same one again.

    `landed_at` is UTC.
    """

    batch_id: int
    landed_at: datetime
    duration_ms: int

    @property
    def clock(self) -> str:
        """The time of the landing as SQL."""
        return f"timestamp '{self.landed_at}'"


@dataclass(frozen=True)
class Elsewhere:
    """Landing into an empty schema raw beside the one that has the rows of former batches.

    `path`: where the segment lies now. `known`: a schema with the tables of raw as they are there.
    Nothing is kept outside of the connection's database, and no setting of its engine is changed:
    it has those of `begin_session`.
    """

    path: Path
    known: str


class _NothingNewError(Exception):
    """Rolls the transaction back: the file brought nothing that was not there."""


Former = list[tuple[Landed, bool, bool]]
"""Batches, oldest first: whether each took rows, and whether it read some and rejected none."""


def landed_before(connection: duckdb.DuckDBPyConnection, kind: str, sha256: str) -> Former:
    """Return the batches that a content became before."""
    rows = connection.execute(SQL.landed_before(), [sha256, kind]).fetchall()
    return [(Landed(*row[:3]), *row[3:]) for row in rows]


def read_whole(former: Former, reading: tuple[str, int | None]) -> Landed | None:
    """Return the batch that took all rows which a reading of the content has."""
    return next((one for one, _, whole in former if whole and one.reading == reading), None)


def land_segment(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    segment: Segment,
    landed_as: LandedAs | None = None,
    elsewhere: Elsewhere | None = None,
) -> Batch:
    """Land a segment on a connection that holds the database for writing.

    A segment that brings nothing new changes nothing, not even the manifest. `landed_as`: give
    it this number and time instead of the next and now. `elsewhere`: into another database than the
    one in which it is to land. Raises FileRejectedError when the file
    is not what was written.
    """
    kind = KINDS[segment.kind]
    if elsewhere is None:
        connection.execute(f"set memory_limit = '{memory_limit(settings)}'")
        # Rows of one file may lie in any order in the table: faster, and less memory.
        connection.execute("set preserve_insertion_order = false")
        trusted = TRUST_NO_STATISTICS if segment.canonical else "reset disabled_optimizers"
        connection.execute(trusted)
    path = elsewhere.path if elsewhere else path_of(settings, segment)
    former = landed_before(connection, segment.kind, segment.sha256)
    before = None if segment.again else read_whole(former, _reading(segment))
    if not path.exists():  # another loader moved it, after it had landed it
        before = _of_format(former, segment)
    if before is not None:
        return Batch(before.batch_id, 0, 0, 0, 0, 0, new=False)
    clock = landed_as.clock if landed_as else CLOCK
    sql, given = segment_rows(connection, segment, path, clock)
    sql = rejects.within_limit(connection, kind, sql)
    if path.stat().st_size <= LITTLE_BYTES:
        # Of few rows the planning takes the longest: the verdicts are planned once.
        connection.execute(f"create or replace temp table few_rows as {sql}")
        sql = "select * from few_rows"
    connection.execute(f"create or replace temp view segment_rows as {sql}")
    connection.execute("create or replace temp view batch as select * from segment_rows")
    with ThreadPoolExecutor(1, "checksum") as beside:
        actual = beside.submit(sha256_of, path)
        try:
            with transaction(connection):
                batch = _land(
                    connection, settings, segment, former, landed_as, elsewhere, given=given
                )
                damage = not_as_written(settings, segment, actual.result())
                if damage:
                    raise FileRejectedError(damage)
                return batch
        except _NothingNewError as error:
            return error.args[0]  # type: ignore[no-any-return]


def _reading(segment: Segment) -> tuple[str, int | None]:
    return segment.format, segment.feed_version


def _of_format(former: Former, segment: Segment) -> Landed | None:
    return next((one for one, *_ in former if one.format == segment.format), None)


def segment_rows(
    connection: duckdb.DuckDBPyConnection, segment: Segment, path: Path, clock: str = CLOCK
) -> tuple[str, bool]:
    """Return SQL of a segment's rows with their verdicts; and whether it numbers occurrences.

    Ticks have `key_id` and `key_number` besides. `clock` is the time (SQL) that tells what lies in
    the future.
    """
    kind = KINDS[segment.kind]
    keys = f", {identity_of(segment).columns}" if kind.is_ordered else ""
    if segment.canonical:
        scan = parquet.scan(connection, kind, path)
        rows = validated(kind, scan, clock=clock, markets=segment.markets)
        return f"select *, null::bigint as line_number {keys} from ({rows})", False
    columns = columns_of(connection, f"select * from {read(path)}")
    number = "" if "row_number" in columns else ", file_row_number + 1 as row_number"
    line = "" if "line_number" in columns else ", null::bigint as line_number"
    # what an earlier version wrote has not all of today's columns
    today = {c.name: f"({c.default or 'null'})::{c.type}" for c in kind.columns}
    today |= {"nanoseconds": "null::smallint"} if kind.is_ordered else {}
    lacking = "".join(f", {sql} as {name}" for name, sql in today.items() if name not in columns)
    before = ", content_hash" if "content_hash" in columns and not kind.keeps_hash else ""
    sql = (
        f"(select * exclude (file_row_number {before}) {number} {line} {lacking} {keys}"
        f" from {read(path)})"
    )
    if not segment.one_spelling:
        sql = respelled(kind, sql)
    return f"select * from {sql}", "occurrence" in columns


def identity_of(segment: Segment) -> Identity:
    """Return what the segment's feed says of its numbers."""
    return Identity(segment.trade_id_identifies, segment.sequence_identifies)


def _land(  # noqa: PLR0913, PLR0917 - what is landed, where, and as what
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    segment: Segment,
    former: Former,
    landed_as: LandedAs | None,
    elsewhere: Elsewhere | None,
    *,
    given: bool,
) -> Batch:
    started, kind = time.monotonic(), KINDS[segment.kind]
    batch_id = landed_as.batch_id if landed_as else value_of(connection, _NEXT_BATCH)
    clock = landed_as.clock if landed_as else CLOCK
    rise = kind.is_ordered and segment.canonical and deduplicate.keys_rise(connection)
    counted = deduplicate.count(connection, kind, rise=rise)
    left = cold_duplicates.reject_what_left(connection, kind, counted)
    if left:
        counted = deduplicate.count(connection, kind)
    known = cold_duplicates.known_rows(connection, settings.data_dir, kind, counted)
    if elsewhere:
        table = kind.table.removeprefix("raw.")
        known = f"(select * from {known} union all by name select * from {elsewhere.known}.{table})"
    if kind.is_whole:
        known = f"(select * from {known} where false)"
    judged = counted.accepted > 0 and deduplicate.find_duplicates(
        connection, kind, counted, given=given, known=known
    )
    landed = 0
    placed = kind.is_ordered and deduplicate.find_places(
        connection, counted, newest_first=segment.newest_first
    )
    if counted.accepted:
        landed = _insert(connection, kind, counted, batch_id, clock, judged=judged, placed=placed)
    if judged and kind.is_ordered:
        deduplicate.record_confirmations(connection, batch_id)
        deduplicate.record_conflicts(connection, batch_id, known)
    recorded = 0
    reasons = rejects.reasons(connection, segment) if counted.rejected else []
    if counted.rejected:
        recorded = rejects.record(connection, segment, batch_id, clock)
    if left and recorded and not elsewhere:
        waiting.keep(connection, settings, segment, kind)
    reading = _reading(segment)
    others = [one for one, took_rows, _ in former if took_rows and one.reading != reading]
    # a rejected row that was recorded before is there already, as a landed one is
    batch = Batch(
        batch_id=batch_id,
        read=counted.read - counted.others,
        landed=landed,
        duplicate=counted.accepted - landed + counted.rejected - recorded,
        rejected=recorded,
        ignored=counted.others,
        new=True,
        reasons=reasons,
        before=others[-1] if landed and others else None,
    )
    # a restore makes each batch again, also one that brings nothing any more
    if not landed and not recorded and landed_as is None:
        before = _of_format(former, segment)
        if before is not None:
            raise _NothingNewError(replace(batch, batch_id=before.batch_id, new=False))
    milliseconds = round((time.monotonic() - started) * 1000)
    sql = SQL.record_landing(clock, str(kind.is_ordered))
    # the counts are those of the batch
    values = {**vars(segment), **vars(counted), **vars(batch)} | {
        "others": json.dumps(segment.others) if segment.others else None,
        "duration_ms": landed_as.duration_ms if landed_as else milliseconds,
    }
    connection.execute(sql, named_in(sql, values))
    return batch


def _insert(  # noqa: PLR0913 - what is inserted, as what
    connection: duckdb.DuckDBPyConnection,
    kind: Kind,
    counted: deduplicate.Count,
    batch_id: int,
    clock: str,
    *,
    judged: bool,
    placed: bool,
) -> int:
    values = {name: quoted(name) for name in kind.read_names}
    values["batch_id"] = str(batch_id)
    values["row_number"] = "b.row_number"
    values["ingestion_time"] = clock
    if kind.keeps_hash:
        values["content_hash"] = "content_hash"
    if kind.id:
        values[kind.id] = f"{batch_id}::bigint * 4294967296 + b.row_number"
        del values["row_number"]
    if kind.occurrences:
        values["occurrence"] = "coalesce(repeated.occurrence, 1)" if judged else "1"
    join, wanted = "", "true"
    if kind.is_ordered:
        number = "coalesce(places.place, 1)" if placed else "1"
        values["place"] = f"case when {UNORDERED} then {number} end"
        join = "left join places on places.row_number = b.row_number" if placed else ""
    if judged:
        wanted = "b.row_number not in (select row_number from dropped)"
        if kind.occurrences:
            join += " left join repeated on repeated.row_number = b.row_number"
    inserted = f"""
        insert into {kind.table} ({", ".join(quoted(name) for name in values)})
        select {", ".join(values.values())}
        from {counted.batch} as b {join}
        where {wanted}
    """
    return int(value_of(connection, inserted))
