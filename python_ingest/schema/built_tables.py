"""The one step of migration 006 that SQL cannot say: take over what the former models built.

What is made of ticks goes on where it was, since its ticks may lie in the archive. Order flow never
leaves, so all that is made of it is built anew by the next run: its chain has no row.
"""

from __future__ import annotations

import duckdb

from python_ingest.storage.sql import quoted

_RENAMED = {
    ("intermediate", "int_minute_bars"): ("intermediate", "int_minute_bars"),
    ("intermediate", "int_minute_bars_daily"): ("intermediate", "int_minute_bars_daily"),
    ("staging", "int_disputed_ticks"): ("intermediate", "int_disputed_ticks"),
    ("staging", "int_tick_amendments"): ("intermediate", "int_tick_amendments"),
    ("intermediate", "int_sequence_runs"): ("intermediate", "int_sequence_runs"),
}
_CHAINS = {
    "ticks": ("int_disputed_ticks", "int_tick_amendments", "int_minute_bars", "int_minute_bars_daily"),
    "feeds": ("int_tick_amendments", "int_latest_ticks", "int_sequence_runs"),
    "bars": ("int_tick_amendments", "int_minute_bars", "int_minute_bars_daily", "ohlcv_bars_warm"),
}
_SEEDS_OF = {
    "ticks": ("trade_conditions", "instruments"),
    "bars": ("exchanges", "exchange_calendar", "timeframes", "instruments"),
}
_UNSTAMPED = ("int_disputed_ticks", "int_sequence_runs")  # no chain below follows them


def take_over(connection: duckdb.DuckDBPyConnection) -> None:
    """Rename the former tables and set the chains of ticks to what all of their models had seen.

    Does nothing where dbt never built. Runs inside the migration's transaction.
    """
    seen = _watermarks(connection)
    if not all(_exists(connection, *table) for table in _RENAMED) or "ohlcv_bars_warm" not in seen:
        return
    _drop_views(connection)
    for former, name in _RENAMED.items():
        connection.execute(f"create table {_sql(name)} as from {_sql(former)}")
        connection.execute(f"drop table {_sql(former)}")
        if name[1] not in _UNSTAMPED:
            _stamp(connection, name, seen["ohlcv_bars_warm"])
    connection.execute("alter table warm.ohlcv_bars_warm drop column is_complete")
    _stamp(connection, ("warm", "ohlcv_bars_warm"), seen["ohlcv_bars_warm"])
    for chain, models in _CHAINS.items():
        batch = min(seen[model] for model in models)
        connection.execute("insert into state.chains values (?, ?, 0, null)", [chain, batch])
        connection.execute(
            "insert into state.reference_as_built select ?, seed, '', '', hash from warm.bar_inputs"
            " where model = 'ohlcv_bars_warm' and list_contains(?, seed)",
            [chain, list(_SEEDS_OF.get(chain, ()))],
        )
    connection.execute("drop table warm.bar_inputs")
    connection.execute("drop table main.build_watermarks")


def _watermarks(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    if not _exists(connection, "main", "build_watermarks"):
        return {}
    rows = connection.execute("select model, batch_id from main.build_watermarks").fetchall()
    return {str(model): int(batch) for model, batch in rows}


def _stamp(connection: duckdb.DuckDBPyConnection, table: tuple[str, str], followed: int) -> None:
    """Give rows the run in which they changed: 1 for what the bars had not followed yet, else 0."""
    name = _sql(table)
    connection.execute(f"alter table {name} add column built_run bigint default 0")
    connection.execute(f"update {name} set built_run = 1 where built_batch_id > ?", [followed])
    if table[1] != "ohlcv_bars_warm":
        connection.execute(f"alter table {name} drop column built_batch_id")


def _drop_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Views of the former models: the next run makes its own, and of these some have other names."""
    views = connection.execute(
        "select schema_name, view_name from duckdb_views() where database_name = current_database()"
        " and not internal and schema_name in ('main', 'staging', 'intermediate', 'migration')"
    ).fetchall()
    for view in views:
        connection.execute(f"drop view {_sql(view)}")


def _exists(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    found = connection.execute(
        "select count(*) from duckdb_tables() where database_name = current_database()"
        " and schema_name = ? and table_name = ?",
        [schema, table],
    ).fetchone()
    return bool(found and found[0])


def _sql(table: tuple[str, str]) -> str:
    return f"{quoted(table[0])}.{quoted(table[1])}"
