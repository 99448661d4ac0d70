"""Copy what analysts query into another database file, in the order of its readers."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from python_ingest.publication.descriptions import write_descriptions
from python_ingest.publication.former import kept_relations
from python_ingest.publication.layout import (
    BLOCK_SIZE,
    DAY,
    ROW_GROUP_SIZE,
    indexed_column,
    order_by,
    part_by,
)
from python_ingest.publication.live_models import NONE_BUILT, write_models
from python_ingest.publication.parts import Parts, Source, bring_up_to_date, parts_of
from python_ingest.publication.query import SQL
from python_ingest.publication.status import (
    PublishedState,
    batches_of_chains,
    create_missing_files,
    write_status,
)
from python_ingest.publication.stored import (
    AMENDED,
    COLD_TICKS,
    KEY,
    LANDED_TICKS,
    RAW_TICKS,
    TICKS,
    Needed,
    Stored,
    landed_ticks,
    stored_ticks,
)
from python_ingest.publication.views import Relation, View, name_of, needed, view_texts
from python_ingest.storage.cold_files import has_manifest, readable_files
from python_ingest.storage.sql import columns_of, quoted, sql_path, value_of

# The name by which the file that is written is attached.
TARGET = "publication"


@dataclass(frozen=True)
class Copied:
    """Rows of each table, the parts of tables kept by part, and the free bytes in the file."""

    rows: dict[str, int]
    parts: dict[str, Parts]
    free_bytes: int


def _drop_all_but(connection: duckdb.DuckDBPyConnection, kept: Container[str]) -> None:
    """Drop every relation of the target except the tables in `kept`."""
    filled = {"main"}
    for relation, text in view_texts(connection, TARGET).items():
        if ".".join(relation) in kept:
            filled.add(relation.schema)
        else:
            kind = "view" if text else "table"
            connection.execute(f"drop {kind} {TARGET}.{name_of(relation)}")
    schemas = connection.execute(
        "select schema_name from duckdb_schemas() where database_name = ? and not internal",
        [TARGET],
    ).fetchall()
    for (schema,) in schemas:
        if schema not in filled:
            connection.execute(f"drop schema {TARGET}.{quoted(schema)}")


def attach_target(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Attach the file that is written, as TARGET; it is made where it is not there."""
    connection.execute(
        # Nobody recovers an unfinished copy, and its log would be flushed for each statement.
        f"attach {sql_path(file)} as {TARGET} (recovery_mode no_wal_writes,"
        f" block_size {BLOCK_SIZE}, row_group_size {ROW_GROUP_SIZE})"
    )


def copy_table(
    connection: duckdb.DuckDBPyConnection, target: Relation, select: str, like: str = ""
) -> int:
    """Make a table of the attached target in the order of its readers; return its rows.

    `like`: the table whose readers it has, where it is called otherwise.
    """
    like = like or target.name
    name = f"{TARGET}.{name_of(target)}"
    connection.execute(f"create schema if not exists {TARGET}.{quoted(target.schema)}")
    copied = value_of(connection, f"create table {name} as {select}{order_by(like)}")
    if column := indexed_column(like):
        index = quoted(f"{target.name}_by_{column}")
        connection.execute(f"create index {index} on {name} ({column})")
    return int(copied)


def _warm_rows(connection: duckdb.DuckDBPyConnection, stored: Stored) -> str:
    """Return a SELECT of the view's rows that lie in the warehouse."""
    select = stored.select
    if not stored.cold:
        return select
    found = connection.execute(f"select distinct {DAY} from {name_of(RAW_TICKS)} order by all")
    warm = [day for (day,) in found.fetchall()]
    cold = set()
    if has_manifest(connection):
        cold = {file.date for file in readable_files(connection, TICKS.name)}
    # With literal dates DuckDB skips the cold files of all other dates. Comparing many millions of
    # ids instead costs more than the rest of a publication.
    alone = f"{select} where {_dates(day for day in warm if day not in cold)}"
    if cold.isdisjoint(warm):
        return alone
    beside_files = (
        f"{select} semi join {name_of(RAW_TICKS)} using ({KEY})"
        f" where {_dates(day for day in warm if day in cold)}"
    )
    return f"select * from ({alone} union all {beside_files})"


def _dates(days: Iterable[date]) -> str:
    listed = ", ".join(f"date '{day}'" for day in days)
    return f"date in ({listed})" if listed else "false"


def _copy_parts(
    connection: duckdb.DuckDBPyConnection, table: Relation, source: Source, former: Parts | None
) -> Parts:
    """Update a table that is kept by part, or create it; return its parts."""
    name = f"{TARGET}.{name_of(table)}"
    if former:
        there, given = (columns_of(connection, it) for it in (f"from {name}", source.select))
        if list(there.items()) == list(given.items()):
            parts = bring_up_to_date(connection, name, source, former)
            if parts is not None:
                return parts
        connection.execute(f"drop table {name}")
    copy_table(connection, table, source.select)
    return parts_of(connection, source)


def _create_view(connection: duckdb.DuckDBPyConnection, view: Relation, select: str) -> None:
    connection.execute(f"create schema if not exists {quoted(view.schema)}")
    connection.execute(f"create view {name_of(view)} as {select}")


def _tables(
    connection: duckdb.DuckDBPyConnection, found: Needed, stored: Stored | None
) -> Iterator[tuple[Relation, str, str]]:
    """Yield each table to write, the SELECT that fills it, and its growing id or 0."""
    for relation, view in found:
        if stored and relation == TICKS:
            yield stored.table, _warm_rows(connection, stored), KEY
            if stored.more:
                yield AMENDED, SQL.amended_ticks(), "0"
        elif view is None:
            none = " where false" if stored and relation == RAW_TICKS else ""
            yield relation.published(), f"select * from {name_of(relation)}{none}", "0"


def _copy(
    connection: duckdb.DuckDBPyConnection,
    former: Mapping[str, Parts],
    state: PublishedState,
    data_dir: Path,
) -> tuple[dict[str, int], dict[str, Parts]]:
    """Copy what analysts query into the attached target; return the rows of each table."""
    rows: dict[str, int] = {}
    parts: dict[str, Parts] = {}
    also, held_back = state.live.to_publish, state.held_back
    catalog = str(value_of(connection, "select current_database()"))
    found = list(
        needed(connection, catalog, left_out=held_back, also=also, renamed=Relation.published)
    )
    seen = TICKS in {relation for relation, _ in found}
    columns = list(columns_of(connection, name_of(TICKS))) if seen else []
    stored = stored_ticks(found, columns, also)
    only_here = stored.only_here if stored else frozenset()
    found = [(relation, view) for relation, view in found if relation not in only_here]
    tables = list(_tables(connection, found, stored))
    _drop_all_but(connection, former.keys() & {".".join(table) for table, *_ in tables})
    connection.execute(f"checkpoint {TARGET}")  # what is written now takes the room of these
    for table, select, key in tables:
        name = ".".join(table)
        if by := part_by(table.name):
            source = Source(select, key, by, order_by(table.name))
            parts[name] = _copy_parts(connection, table, source, former.get(name))
            rows[name] = parts[name].rows
        else:
            rows[name] = copy_table(connection, table, select)
    if state.live.missing != NONE_BUILT:
        write_models(connection, TARGET, state.live)
    # Unqualified names in views are those of the current database: the target.
    connection.execute(f"use {TARGET}")
    for kept in kept_relations(connection, held_back, data_dir) if held_back else ():
        if kept.like is None:
            _create_view(connection, kept.relation, kept.select)
        else:
            rows[".".join(kept.relation)] = copy_table(
                connection, kept.relation, kept.select, kept.like
            )
    for relation, view in found:
        if view is None:
            continue
        if stored and relation == TICKS:
            if stored.is_view:
                _show_stored(connection, stored, view, columns)
        else:
            _create_view(connection, relation.published(), view.select)
    return rows, parts


def _show_stored(
    connection: duckdb.DuckDBPyConnection, stored: Stored, view: View, columns: Sequence[str]
) -> None:
    """Make the view that readers see of the stored ticks, and the one that models read."""
    shown = f"select {', '.join(map(quoted, columns))} from {name_of(stored.table)}"
    if stored.cold:
        _create_view(connection, COLD_TICKS, view.select)
        shown += f" union all select * from {name_of(COLD_TICKS)}"
    _create_view(connection, TICKS, shown)
    if stored.more:
        landed = list(columns_of(connection, name_of(AMENDED)))
        _create_view(connection, LANDED_TICKS, landed_ticks(landed))


def copy_into(
    connection: duckdb.DuckDBPyConnection,
    target: Path,
    former: Mapping[str, Parts],
    state: PublishedState,
    data_dir: Path,
) -> Copied:
    """Copy the relations that analysts query from the connected database into the file `target`.

    `former`: the tables that the file already has by part, by name; everything else is replaced,
    and what `state` holds back comes from the attached former publication. `data_dir`: where local
    cold files are.
    """
    attach_target(connection, target)
    batches = batches_of_chains(connection)
    rows, parts = _copy(connection, former, state, data_dir)
    create_missing_files(connection, data_dir)
    write_status(connection, state, batches)
    write_descriptions(connection, state.described)
    connection.execute(f"checkpoint {TARGET}")
    free = value_of(
        connection,
        "select free_blocks * block_size from pragma_database_size() where database_name = ?",
        [TARGET],
    )
    return Copied(rows, parts, int(free))
