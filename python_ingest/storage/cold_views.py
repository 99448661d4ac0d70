"""The views `cold.<relation>` over the files of the manifest.

A view names its files literally, so that whoever has an old copy of it never sees files written
later, and bounds them by constants, so that a query for recent rows does not open one of them.
Whatever changes a file's state makes the view again in the same transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from python_ingest.storage.cold_files import (
    SQL,
    ColdFile,
    exists,
    here,
    locations,
    readable_files,
)
from python_ingest.storage.cold_relations import RELATIONS, ColdRelation
from python_ingest.storage.s3_session import SCHEME
from python_ingest.storage.sql import columns_of, literal, quoted


def with_files(
    connection: duckdb.DuckDBPyConnection,
    data_dir: Path,
    relation: ColdRelation,
    files: Sequence[ColdFile],
) -> str:
    """Return SQL for the rows of a landed relation's home together with those of `files`."""
    if not files:
        return relation.home
    columns = list(columns_of(connection, relation.home).items())
    cold = scan_files(connection, data_dir, columns, files)
    return f"(select * from {relation.home} union all {cold})"


def scan_files(
    connection: duckdb.DuckDBPyConnection,
    data_dir: Path,
    columns: Sequence[tuple[str, str]],
    files: Sequence[ColdFile],
) -> str:
    """Return SQL that selects (name, type) columns of files, null where one was written before.

    Files with narrower decimals are read apart: a reader takes the types of its first file.
    """
    names = {name for name, _ in columns} - {"date"}
    paths: dict[tuple[frozenset[str], bool], list[str]] = {}
    for file in files:
        lacking = frozenset(names - set(names if file.columns is None else file.columns))
        paths.setdefault((lacking, file.is_narrow), []).append(file.path)
    if not paths:
        return scan(columns, [])
    return " union all ".join(
        scan(columns, locations(connection, data_dir, some), lacking)
        for (lacking, _), some in paths.items()
    )


def scan(
    columns: Sequence[tuple[str, str]], locations: Sequence[str], lacking: Collection[str] = ()
) -> str:
    """Return SQL that selects (name, type) columns of files, UUIDs and JSON as what they were."""
    selected = ", ".join(
        f"{quoted(name) if locations and name not in lacking else 'null'}::{sql_type}"
        f" as {quoted(name)}"
        for name, sql_type in columns
    )
    if not locations:
        return f"select {selected} where false"
    files = ", ".join(literal(path) for path in locations)
    return (
        f"select {selected} from read_parquet([{files}], hive_partitioning = true,"
        " hive_types = {'date': date})"
    )


def _with_columns(
    connection: duckdb.DuckDBPyConnection, data_dir: Path, files: Sequence[ColdFile]
) -> list[ColdFile]:
    """Look up, and remember, which columns files have that an earlier version wrote."""
    known = []
    for file in files:
        columns = file.columns
        if columns is None:
            (place,) = locations(connection, data_dir, [file.path])
            read = f"from read_parquet({literal(place)}, hive_partitioning = false)"
            columns = list(columns_of(connection, read))
            connection.execute(
                "update raw.cold_files set columns = ? where file_id = ?", [columns, file.file_id]
            )
        known.append(replace(file, columns=columns))
    return known


def view_columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    """Return (name, type) of the view `cold.<relation>`; `date` is one of them."""
    return connection.execute(SQL.view_columns(), [relation]).fetchall()


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
    files = _with_columns(connection, data_dir, files)
    sql = scan_files(connection, data_dir, columns, files)
    if known.defaults:
        said = ", ".join(f"coalesce({c}, {literal(it)}) as {c}" for c, it in known.defaults.items())
        sql = f"select * replace ({said}) from ({sql})"
    bounds = _bounds(connection, known) if files else None
    if bounds:
        sql = f"select * from ({sql}) where {bounds.condition}"
    if not known.restated:
        connection.execute(f"create or replace view cold.{quoted(relation)} as {sql}")
        return
    all_rows = f"cold.{quoted(relation + '_in_files')}"
    connection.execute(f"create or replace view {all_rows} as {sql}")
    sql = f"from {all_rows}"
    # A database that is being restored has the files before it has the table.
    if bounds and exists(connection, known.home):
        sql = SQL.not_restated(
            all_rows=all_rows,
            key=quoted(known.key),
            key_type=dict(columns)[known.key],
            home=known.home,
            time=quoted(known.time),
            newest=str(bounds.newest),
            relation=literal(known.name),
        )
    connection.execute(f"create or replace view cold.{quoted(relation)} as {sql}")


def follow_data_dir(connection: duckdb.DuckDBPyConnection, data_dir: Path) -> None:
    """Make the views again that name files where DATA_DIR lay before it was moved or copied.

    Not those whose files did not come along: whoever reads them is told which are missing.
    """
    if not exists(connection, "raw.cold_files"):
        return
    local = connection.execute(SQL.local_files(literal(SCHEME))).fetchall()
    if not local:
        return
    texts = dict(connection.execute(SQL.views()).fetchall())
    for relation, paths in local:
        text = texts.get(f"{relation}_in_files", texts.get(relation))
        if text is None or literal(here(data_dir, paths[0])) in text:
            continue
        if all((data_dir / path).exists() for path in paths):
            make_view(connection, data_dir, relation)


class _Bounds(NamedTuple):
    """What the files hold, as constants: the engine drops the branch for recent times, batches."""

    condition: str
    newest: datetime


def _bounds(connection: duckdb.DuckDBPyConnection, known: ColdRelation) -> _Bounds:
    ((first, last, newest, batch),) = connection.execute(SQL.bounds(), [known.name]).fetchall()
    condition = (
        f"date between date '{first}' and date '{last}'"
        f" and {quoted(known.time)} <= timestamp '{newest}'"
    )
    if known.batch and batch is not None:
        condition += f" and {quoted(known.batch)} <= {batch}"
    return _Bounds(condition, newest)
