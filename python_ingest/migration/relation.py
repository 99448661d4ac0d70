"""One relation in TimescaleDB's catalog: columns, chunks, how its rows can be read."""

import difflib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from python_ingest.errors import UsageError
from python_ingest.migration.columns import Column, column_of, time_of
from python_ingest.migration.manifest import Part, Retention
from python_ingest.migration.ranges import Range
from python_ingest.migration.server import SERVER, Session, TimescaleError, instant
from python_ingest.migration.tables import TABLES, Table
from python_ingest.storage.sql import literal, quoted


@dataclass(frozen=True)
class Relation:
    """A table, hypertable, view or continuous aggregate that can be extracted.

    `table` is the known table whose rows it holds; None for a table that is only archived.
    `timeframe` is set where it is a continuous aggregate of bars. `table_there` names the server,
    the database and the table in numbers that no other one has.
    """

    name: str
    sql_name: str
    table_there: str
    time: str
    time_is_zoned: bool
    columns: tuple[Column, ...]
    table: Table | None
    is_hypertable: bool
    has_versions: bool
    estimated_rows: int
    timeframe: str | None = None


_BUCKET_NAMES = ("bucket", "time_bucket", "time")
_TIMES = ("timestamptz", "timestamp")


def read_relation(
    server: Session,
    name: str,
    *,
    time: str | None = None,
    timeframe: str | None = None,
) -> Relation:
    """Look a relation up; raises UsageError that says what is wrong with it.

    `time` names the time column of a table we do not know; `timeframe` says that the relation
    holds bars of that timeframe, whose time may be called `bucket`.
    """
    found = server.rows(
        "select c.oid::bigint, n.nspname, c.relname, c.relkind::text, c.reltuples::bigint,"
        f" {SERVER} from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        f" where c.oid = to_regclass({literal(name)})"
    )
    if not found:
        raise UsageError(_unknown(server, name))
    oid, schema, short, kind, estimate, whose = found[0]
    table = TABLES["ohlcv_bars"] if timeframe else TABLES.get(short)
    columns = {
        column: (type_, modifier, is_array)
        for column, type_, modifier, is_array in server.rows(
            "select attname, t.typname::text, atttypmod, t.typcategory = 'A'"
            " from pg_attribute a join pg_type t on t.oid = a.atttypid"
            f" where attrelid = {oid} and attnum > 0 and not attisdropped order by attnum"
        )
    }
    time = _time_column(name, table, time, columns, is_aggregate=timeframe is not None)
    taken = []
    for source, (type_, modifier, is_array) in columns.items():
        called = table.time if table and timeframe and source == time else source
        if type_ in _TIMES:
            taken.append(time_of(source, called, type_, is_finite=source == time))
        else:
            wanted = table.columns.get(called) if table else None
            taken.append(column_of(source, called, type_, modifier, is_array, wanted))
    if timeframe:
        taken.append(Column("timeframe", f"{literal(timeframe)} as timeframe", "VARCHAR"))
    _require_distinct(name, taken)
    missing = [c for c in (table.required if table else ()) if c not in {t.name for t in taken}]
    if missing:
        raise UsageError(
            f"{name} has no column {', '.join(missing)}: extract a view that gives them,"
            " CREATE VIEW ... AS SELECT ..."
        )
    hypertable = _is_hypertable(server, schema, short)
    return Relation(
        name=short,
        sql_name=f"{quoted(schema)}.{quoted(short)}",
        table_there=f"{whose}/{oid}",
        time=time,
        time_is_zoned=columns[time][0] == "timestamptz",
        columns=tuple(taken),
        table=table,
        is_hypertable=hypertable,
        has_versions=kind in ("r", "p"),
        estimated_rows=_estimate(server, f"{schema}.{short}") if hypertable else int(estimate),
        timeframe=timeframe,
    )


def _require_distinct(name: str, columns: list[Column]) -> None:
    """Raise UsageError when DuckDB takes two columns for one: a row would have one value twice."""
    seen: dict[str, str] = {}
    for column in columns:
        for taken in {column.name, column.text or column.name}:
            other = seen.setdefault(taken.lower(), column.name)
            if other != column.name:
                raise UsageError(
                    f"{name} has the columns {other} and {column.name}, which a Parquet file cannot"
                    " hold beside each other: extract a view that names them differently,"
                    " CREATE VIEW ... AS SELECT ..."
                )


def chunks(server: Session, relation: Relation) -> list[Range]:
    """Return the time ranges of a hypertable's chunks, oldest first.

    `is_compressed`: a chunk of that range is compressed, so its rows have no versions to compare.
    """
    rows = server.rows(
        "select range_start::text, range_end::text, bool_or(is_compressed)"
        " from timescaledb_information.chunks"
        " where format('%I.%I', hypertable_schema, hypertable_name)::regclass"
        f" = {literal(relation.sql_name)}::regclass group by range_start, range_end"
        " order by range_start"
    )
    chunk = f"a chunk of {relation.name}"
    return [
        Range(instant(start, chunk), instant(end, chunk), bool(compressed))
        for start, end, compressed in rows
    ]


def between(relation: Relation, span: Range) -> str:
    """Return SQL of a range's rows, with constants, so that the server skips other chunks."""
    zone = "+00" if relation.time_is_zoned else ""
    time = quoted(relation.time)
    end = "infinity" if span.end == datetime.max else f"{span.end}{zone}"
    return f"{time} >= '{span.start}{zone}' and {time} < '{end}'"


def has_timescaledb(server: Session) -> bool:
    """Whether the server is a TimescaleDB, and no plain PostgreSQL."""
    return bool(server.rows("select 1 from pg_extension where extname = 'timescaledb'"))


def _is_hypertable(server: Session, schema: str, name: str) -> bool:
    return has_timescaledb(server) and bool(
        server.rows(
            "select 1 from timescaledb_information.hypertables where"
            f" hypertable_schema = {literal(schema)} and hypertable_name = {literal(name)}"
        )
    )


def _estimate(server: Session, name: str) -> int:
    ((rows,),) = server.rows(f"select approximate_row_count({literal(name)}::regclass)")
    return int(rows or 0)


def _unknown(server: Session, name: str) -> str:
    rows = server.rows(
        "select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where relkind in ('r', 'p', 'v', 'm') and nspname = any(current_schemas(false))"
    )
    near = difflib.get_close_matches(name, [row[0] for row in rows], n=3, cutoff=0.4)
    return f"TimescaleDB has no table {name}" + (
        f"; did you mean {', '.join(near)}?" if near else ""
    )


def _time_column(
    name: str,
    table: Table | None,
    given: str | None,
    columns: dict[str, tuple[str, int, bool]],
    *,
    is_aggregate: bool,
) -> str:
    candidates = [given] if given else []
    if table and not given:
        candidates = [table.time, *(_BUCKET_NAMES if is_aggregate else ())]
    if not candidates:
        candidates = [c for c, (type_, *_) in columns.items() if type_ == "timestamptz"][:1]
    for candidate in candidates:
        if candidate in columns and columns[candidate][0] in _TIMES:
            return candidate
    raise UsageError(
        f"{name} has no time column {' or '.join(candidates) or 'of type timestamptz'}:"
        " name it with --time"
    )


def read_retention(server: Session, relation: Relation, now: list[Range]) -> Retention | None:
    """Return the policy of a hypertable or continuous aggregate, None where it has none.

    A policy drops every chunk that ended `drop_after` ago; chunks begin at multiples of their
    length since 1970. So it does not explain that a chunk is gone where an older one is there.
    `now`: what the server has.
    """
    if not has_timescaledb(server):
        return None
    found = server.rows(
        "select job_id, config ->> 'drop_after', to_timestamp(floor("
        " extract(epoch from now() - (config ->> 'drop_after')::interval) * 1e6 / interval_length"
        " ) * interval_length / 1e6)::text"
        " from timescaledb_information.jobs join _timescaledb_catalog.dimension as chunks"
        " on chunks.hypertable_id = (config ->> 'hypertable_id')::integer"
        " where proc_name = 'policy_retention' and config ->> 'drop_after' is not null"
        " and interval_length is not null"
        " and to_regclass(format('%I.%I', hypertable_schema, hypertable_name))"
        f" = to_regclass({literal(relation.sql_name)})"
    )
    if not found:
        return None
    job, drop_after, horizon = found[0]
    oldest = [r.start for r in now]
    if not relation.is_hypertable:  # an aggregate, whose ranges are whole months or years
        rows = server.rows(f"select min({quoted(relation.time)})::text from {relation.sql_name}")
        oldest = [instant(text, relation.name) for (text,) in rows if text]
    return Retention(
        f"job {job}, drop_after {drop_after}", min([instant(horizon, relation.name), *oldest])
    )


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
