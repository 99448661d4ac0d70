"""One relation in TimescaleDB's catalog: columns, chunks, how its rows can be read."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import psycopg

from python_ingest.errors import UsageError
from python_ingest.migration.columns import Column, column_of
from python_ingest.migration.ranges import Range
from python_ingest.migration.tables import TABLES, Table
from python_ingest.storage.sql import literal, quoted


@dataclass(frozen=True)
class Relation:
    """A table, hypertable, view or continuous aggregate that can be extracted.

    `table` is the known table whose rows it holds; None for a table that is only archived.
    `timeframe` is set where it is a continuous aggregate of bars.
    """

    name: str
    sql_name: str
    time: str
    time_is_zoned: bool
    columns: tuple[Column, ...]
    table: Table | None
    is_hypertable: bool
    has_versions: bool
    estimated_rows: int
    timeframe: str | None = None


_BUCKET_NAMES = ("bucket", "time_bucket", "time")


def read_relation(
    connection: psycopg.Connection,
    name: str,
    *,
    time: str | None = None,
    timeframe: str | None = None,
) -> Relation:
    """Look a relation up; raises UsageError that says what is wrong with it.

    `time` names the time column of a table we do not know; `timeframe` says that the relation
    holds bars of that timeframe, whose time may be called `bucket`.
    """
    found = connection.execute(
        "select c.oid, n.nspname, c.relname, c.relkind::text, c.reltuples::bigint"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.oid = to_regclass(%s)",
        [name],
    ).fetchone()
    if found is None:
        raise UsageError(_unknown(connection, name))
    oid, schema, short, kind, estimate = found
    table = TABLES["ohlcv_bars"] if timeframe else TABLES.get(short)
    columns = {
        column: (type_, modifier, is_array)
        for column, type_, modifier, is_array in connection.execute(
            "select attname, t.typname::text, atttypmod, t.typcategory = 'A'"
            " from pg_attribute a join pg_type t on t.oid = a.atttypid"
            " where attrelid = %s and attnum > 0 and not attisdropped order by attnum",
            [oid],
        )
    }
    time = _time_column(name, table, time, columns, is_aggregate=timeframe is not None)
    taken = [
        column_of(column, *of_column, table=table, renamed=time if timeframe else None)
        for column, of_column in columns.items()
    ]
    if timeframe:
        taken.append(Column("timeframe", literal(timeframe), "VARCHAR", "VARCHAR"))
    missing = [c for c in (table.required if table else ()) if c not in {t.name for t in taken}]
    if missing:
        raise UsageError(
            f"{name} has no column {', '.join(missing)}: extract a view that gives them,"
            " CREATE VIEW ... AS SELECT ..."
        )
    hypertable = _is_hypertable(connection, schema, short)
    return Relation(
        name=short,
        sql_name=f"{quoted(schema)}.{quoted(short)}",
        time=time,
        time_is_zoned=columns[time][0] == "timestamptz",
        columns=tuple(taken),
        table=table,
        is_hypertable=hypertable,
        has_versions=kind in ("r", "p"),
        estimated_rows=_estimate(connection, f"{schema}.{short}") if hypertable else int(estimate),
        timeframe=timeframe,
    )


def chunks(connection: psycopg.Connection, relation: Relation) -> list[Range]:
    """Return the time ranges of a hypertable's chunks, oldest first.

    `is_compressed`: a chunk of that range is compressed, so its rows have no versions to compare.
    """
    rows = connection.execute(
        "select range_start at time zone 'UTC', range_end at time zone 'UTC',"
        " bool_or(is_compressed)"
        " from timescaledb_information.chunks"
        " where format('%%I.%%I', hypertable_schema, hypertable_name)::regclass = %s::regclass"
        " group by 1, 2 order by 1",
        [relation.sql_name],
    )
    return [Range(start, end, bool(compressed)) for start, end, compressed in rows]


def has_timescaledb(connection: psycopg.Connection) -> bool:
    """Whether the server is a TimescaleDB, and no plain PostgreSQL."""
    found = connection.execute("select 1 from pg_extension where extname = 'timescaledb'")
    return found.fetchone() is not None


def _is_hypertable(connection: psycopg.Connection, schema: str, name: str) -> bool:
    if not has_timescaledb(connection):
        return False
    return (
        connection.execute(
            "select 1 from timescaledb_information.hypertables"
            " where hypertable_schema = %s and hypertable_name = %s",
            [schema, name],
        ).fetchone()
        is not None
    )


def _estimate(connection: psycopg.Connection, name: str) -> int:
    row = connection.execute("select approximate_row_count(%s::regclass)", [name]).fetchone()
    return int(row[0] or 0) if row else 0


def _unknown(connection: psycopg.Connection, name: str) -> str:
    rows = connection.execute(
        "select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where relkind in ('r', 'p', 'v', 'm') and nspname = any(current_schemas(false))"
    ).fetchall()
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
        if candidate in columns and columns[candidate][0] in ("timestamptz", "timestamp"):
            return candidate
    raise UsageError(
        f"{name} has no time column {' or '.join(candidates) or 'of type timestamptz'}:"
        " name it with --time"
    )
