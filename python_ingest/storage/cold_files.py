"""The manifest of cold storage (`raw.cold_files`) and the views `cold.<relation>` over its files.

A view names its files literally, so that whoever has an old copy of it never sees files written
later, and bounds them by constants, so that a query for recent rows does not open one of them.
Whatever changes a file's state makes the view again in the same transaction.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from python_ingest.storage.sql import literal, quoted

READABLE = "state in ('local', 'restored')"


@dataclass(frozen=True)
class ColdRelation:
    """A relation whose old rows are kept in Parquet files.

    `home` is the table it leaves, `key` the column that tells its rows apart, `time` the column
    whose UTC date is the partition, `batch` the column that says with which batch a row came or was
    built, `order_by` how a file is sorted. Rows of a relation that is not `restated` never change.
    """

    name: str
    home: str
    key: str
    time: str
    batch: str | None
    order_by: str
    restated: bool = True


RELATIONS = {
    relation.name: relation
    for relation in (
        ColdRelation(
            "market_ticks",
            "raw.market_ticks",
            "tick_id",
            "timestamp",
            "batch_id",
            "exchange, symbol, timestamp, tick_id",
            restated=False,
        ),
        ColdRelation(
            "application_logs",
            "raw.application_logs",
            "log_id",
            "timestamp",
            "batch_id",
            "service, timestamp, log_id",
            restated=False,
        ),
        ColdRelation(
            "system_metrics",
            "raw.system_metrics",
            "metric_id",
            "timestamp",
            "batch_id",
            "metric_name, timestamp, metric_id",
            restated=False,
        ),
        ColdRelation(
            "system_metrics_1h",
            "warm.system_metrics_1h_warm",
            "rollup_id",
            "timestamp",
            None,
            "metric_name, timestamp, rollup_id",
        ),
        ColdRelation(
            "ohlcv_bars",
            "warm.ohlcv_bars_warm",
            "bar_id",
            "timestamp",
            "built_batch_id",
            "exchange, symbol, timeframe, timestamp",
        ),
        ColdRelation(
            "orders",
            "warm.orders_warm",
            "order_id",
            "created_at",
            None,
            "exchange, symbol, created_at, order_id",
        ),
        ColdRelation(
            "trades",
            "warm.trades_warm",
            "trade_id",
            "executed_at",
            None,
            "exchange, symbol, executed_at, trade_id",
        ),
        ColdRelation(
            "positions",
            "warm.positions_warm",
            "position_id",
            "snapshot_time",
            None,
            "exchange, symbol, strategy_id, snapshot_time",
        ),
        ColdRelation(
            "portfolio_snapshots",
            "warm.portfolio_snapshots_warm",
            "snapshot_id",
            "snapshot_time",
            None,
            "snapshot_time, snapshot_type",
        ),
    )
}


# A file keeps only types that Spark reads too; a HUGEINT would even become a DOUBLE.
_STORED = {"UUID": "VARCHAR", "JSON": "VARCHAR", "HUGEINT": "DECIMAL(38, 0)"}
_TYPE_NAME = re.compile(r'"[^"]*"|\b\w+\b')


def stored_type(sql_type: str) -> str:
    """Return the type in which a file keeps values of `sql_type`; names of fields stay."""
    return _TYPE_NAME.sub(lambda found: _STORED.get(found[0].upper(), found[0]), sql_type)


@dataclass(frozen=True)
class ColdFile:
    """One readable file of the manifest."""

    file_id: int
    path: str
    date: date
    rows: int
    checksum: str
    sha256: str


def readable_files(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    first: date | None = None,
    last: date | None = None,
) -> list[ColdFile]:
    """Return the files of a relation that views read, of dates first to last, oldest first."""
    rows = connection.execute(
        "select file_id, path, date, rows, checksum, sha256 from raw.cold_files"
        f" where relation = ? and {READABLE}"
        " and date between coalesce(?, '-infinity'::date) and coalesce(?, 'infinity'::date)"
        " order by date, file_id",
        [relation, first, last],
    ).fetchall()
    return [ColdFile(*row) for row in rows]


def archived_dates(
    connection: duckdb.DuckDBPyConnection, relation: str, first: date, last: date
) -> list[date]:
    """Return the dates from first to last of which rows lie in the archive only."""
    rows = connection.execute(
        "select distinct date from raw.cold_files where relation = ? and state = 'archived'"
        " and date between ? and ? order by date",
        [relation, first, last],
    ).fetchall()
    return [row[0] for row in rows]


def location(data_dir: Path, path: str) -> str:
    """Return where a file of the manifest is read: readers have working folders of their own."""
    return path if "://" in path else str(data_dir.resolve() / path)


def scan(columns: Sequence[tuple[str, str]], locations: Sequence[str]) -> str:
    """Return SQL that selects (name, type) columns of files, UUIDs and JSON as what they were."""
    names = ", ".join(_as_type(quoted(name), sql_type) for name, sql_type in columns)
    if not locations:
        nothing = ", ".join(f"null::{sql_type} as {quoted(name)}" for name, sql_type in columns)
        return f"select {nothing} where false"
    files = ", ".join(literal(path) for path in locations)
    return (
        f"select {names} from read_parquet([{files}], hive_partitioning = true,"
        " hive_types = {'date': date})"
    )


def _as_type(column: str, sql_type: str) -> str:
    return column if stored_type(sql_type) == sql_type else f"{column}::{sql_type} as {column}"


def view_columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    """Return (name, type) of the view `cold.<relation>`; `date` is one of them."""
    rows = connection.execute(
        "select column_name, data_type from duckdb_columns() where database_name ="
        " current_database() and schema_name = 'cold' and table_name = ? order by column_index",
        [relation],
    ).fetchall()
    return [(str(row[0]), str(row[1])) for row in rows]


def make_view(
    connection: duckdb.DuckDBPyConnection,
    data_dir: Path,
    relation: str,
    columns: Sequence[tuple[str, str]] | None = None,
) -> None:
    """Make `cold.<relation>` over the files that are readable now; `columns`: as they are.

    The view has the rows that count: without tombstones and without what is warm again.
    """
    columns = columns or view_columns(connection, relation)
    files = readable_files(connection, relation)
    sql = scan(columns, [location(data_dir, file.path) for file in files])
    if files:
        sql += _bounds(connection, relation)
        if RELATIONS[relation].restated:
            sql = _without_restated(connection, RELATIONS[relation], dict(columns), sql)
    connection.execute(f"create or replace view cold.{quoted(relation)} as {sql}")


def _bounds(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """Constants that let the engine drop the whole branch for recent times and batches."""
    known = RELATIONS[relation]
    first, last, newest, batch = _extremes(connection, relation)
    bounds = (
        f" where {quoted('date')} between date '{first}' and date '{last}'"
        f" and {quoted(known.time)} <= timestamp '{newest}'"
    )
    if known.batch and batch is not None:
        bounds += f" and {quoted(known.batch)} <= {batch}"
    return bounds


def _extremes(
    connection: duckdb.DuckDBPyConnection, relation: str
) -> tuple[date, date, datetime, int | None]:
    row = connection.execute(
        "select min(date), max(date), max(max_timestamp), max(max_batch_id)"
        f" from raw.cold_files where relation = ? and {READABLE}",
        [relation],
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without groups has one row
    return row


def _without_restated(
    connection: duckdb.DuckDBPyConnection, known: ColdRelation, types: dict[str, str], sql: str
) -> str:
    """Take out rows that are warm again (warm wins) and those with a tombstone."""
    newest = _extremes(connection, known.name)[2]
    key, key_type = quoted(known.key), types[known.key]
    return (
        f"select cold.* from ({sql}) as cold anti join ("
        f"select {key} from {known.home} where {quoted(known.time)} <= timestamp '{newest}'"
        f" union all select id::{key_type} from warm.tombstones"
        f" where relation = {literal(known.name)}"
        f") as restated on cold.{key} = restated.{key}"
    )
