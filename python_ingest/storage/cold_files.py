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
from typing import NamedTuple

import duckdb

from python_ingest.storage.cold_place import is_remote
from python_ingest.storage.s3_session import read_s3
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


def has_manifest(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the database knows cold files; one that was never migrated does not."""
    return _exists(connection, "raw.cold_files")


def _exists(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(
        connection.execute(
            "select count(*) from duckdb_tables() where database_name = current_database()"
            " and schema_name || '.' || table_name = ?",
            [table],
        ).fetchall()[0][0]
    )


def readable_files(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    first: date | None = None,
    last: date | None = None,
    after_batch: int | None = None,
) -> list[ColdFile]:
    """Return the files of a relation that views read, oldest first.

    Only those of dates from first to last, and with rows of batches after `after_batch`.
    """
    rows = connection.execute(
        "select file_id, path, date, rows, checksum, sha256 from raw.cold_files"
        f" where relation = ? and {READABLE}"
        " and date between coalesce(?, '-infinity'::date) and coalesce(?, 'infinity'::date)"
        " and coalesce(max_batch_id > ?, true)"
        " order by date, file_id",
        [relation, first, last, after_batch],
    ).fetchall()
    return [ColdFile(*row) for row in rows]


def with_files(
    connection: duckdb.DuckDBPyConnection,
    data_dir: Path,
    relation: ColdRelation,
    files: Sequence[ColdFile],
) -> str:
    """Return SQL for the rows of a landed relation's home together with those of `files`."""
    if not files:
        return relation.home
    columns = [
        (str(row[0]), str(row[1]))
        for row in connection.execute(f"describe {relation.home}").fetchall()
    ]
    cold = scan(columns, locations(connection, data_dir, [file.path for file in files]))
    return f"(select * from {relation.home} union all {cold})"


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


def locations(
    connection: duckdb.DuckDBPyConnection, data_dir: Path, paths: Sequence[str]
) -> list[str]:
    """Return where files of the manifest are read: readers have working folders of their own.

    Where some lie on S3 the session learns to read them.
    """
    if any(is_remote(path) for path in paths):
        read_s3(connection)
    return [path if is_remote(path) else str(data_dir.resolve() / path) for path in paths]


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

    The view has the rows that count. Of a relation whose rows are restated these are the ones that
    are not warm again (warm wins) and have no tombstone; `cold.<relation>_in_files` has them all.
    """
    known = RELATIONS[relation]
    columns = columns or view_columns(connection, relation)
    files = readable_files(connection, relation)
    sql = scan(columns, locations(connection, data_dir, [file.path for file in files]))
    bounds = _bounds(connection, known) if files else None
    if bounds:
        sql += f" where {bounds.condition}"
    if not known.restated:
        connection.execute(f"create or replace view cold.{quoted(relation)} as {sql}")
        return
    all_rows = f"cold.{quoted(relation + '_in_files')}"
    connection.execute(f"create or replace view {all_rows} as {sql}")
    # A database that is being restored has the files before it has the table.
    restated = ""
    if bounds and _exists(connection, known.home):
        restated = _restated(known, dict(columns), bounds.newest)
    connection.execute(
        f"create or replace view cold.{quoted(relation)} as"
        f" select cold.* from {all_rows} as cold{restated}"
    )


class _Bounds(NamedTuple):
    """What the files hold, as constants: the engine drops the branch for recent times, batches."""

    condition: str
    newest: datetime


def _bounds(connection: duckdb.DuckDBPyConnection, known: ColdRelation) -> _Bounds:
    first, last, newest, batch = connection.execute(
        "select min(date), max(date), max(max_timestamp), max(max_batch_id)"
        f" from raw.cold_files where relation = ? and {READABLE}",
        [known.name],
    ).fetchall()[0]
    condition = (
        f"date between date '{first}' and date '{last}'"
        f" and {quoted(known.time)} <= timestamp '{newest}'"
    )
    if known.batch and batch is not None:
        condition += f" and {quoted(known.batch)} <= {batch}"
    return _Bounds(condition, newest)


def _restated(known: ColdRelation, types: dict[str, str], newest: datetime) -> str:
    """Join that leaves out what is warm again, of the files' times, and what has a tombstone."""
    key = quoted(known.key)
    return (
        f" anti join (select {key} from {known.home}"
        f" where {quoted(known.time)} <= timestamp '{newest}'"
        f" union all select id::{types[known.key]} from warm.tombstones"
        f" where relation = {literal(known.name)}"
        f") as restated on cold.{key} = restated.{key}"
    )
