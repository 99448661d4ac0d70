"""The one step of migration 006 that SQL cannot say: take over what the former models built.

What they built goes on: ticks, and bars that marks were made of, may lie in the archive. Models
that did not exist are built whole by the next run.
"""

from importlib.resources import files

import duckdb

from python_ingest.storage.cold_files import exists
from python_ingest.storage.sql import quoted

_RENAMED = {
    ("intermediate", "int_bar_steps"): ("intermediate", "int_minute_bars"),
    ("intermediate", "int_day_steps"): ("intermediate", "int_minute_bars_daily"),
    ("staging", "stg_disputed_ticks"): ("intermediate", "int_disputed_ticks"),
    ("staging", "stg_tick_amendments"): ("intermediate", "int_tick_amendments"),
    ("intermediate", "int_number_runs"): ("intermediate", "int_sequence_runs"),
}
_FOLLOWED = ("int_minute_bars", "int_minute_bars_daily", "int_tick_amendments")
_CHAINS = {
    "ticks": ("stg_disputed_ticks", "stg_tick_amendments", "int_bar_steps", "int_day_steps"),
    "feeds": ("stg_tick_amendments", "int_latest_ticks", "int_number_runs"),
    "bars": ("stg_tick_amendments", "int_bar_steps", "int_day_steps", "ohlcv_bars_warm"),
    "trading": (
        *("int_order_events", "int_fills", "orders_warm", "int_position_states", "trades_warm"),
        *("int_position_valuations", "int_position_drawdowns", "positions_warm", "round_trips"),
        *("int_currency_balances", "int_portfolio_values", "portfolio_snapshots_warm"),
    ),
    "metrics": ("system_metrics_1h_warm",),
}
_SEEDS_OF = {
    "ticks": ("trade_conditions", "instruments"),
    "bars": ("exchanges", "exchange_calendar", "timeframes", "instruments"),
}
_CHANGED = files("python_ingest.schema") / "built_tables.sql"


def take_over(connection: duckdb.DuckDBPyConnection) -> None:
    """Rename the former tables and set each chain to what all of its models had seen.

    Does nothing where dbt never built whole. Runs inside the migration's transaction.
    """
    seen = _watermarks(connection)
    models = {model for chain in _CHAINS.values() for model in chain}
    if not models <= seen.keys():
        return
    _drop_views(connection)
    for former, name in _RENAMED.items():
        connection.execute(f"create table {_sql(name)} as from {_sql(former)}")
        connection.execute(f"drop table {_sql(former)}")
        if name[1] in _FOLLOWED:
            _stamp(connection, name, seen["ohlcv_bars_warm"])
    valued = [batch for model, batch in seen.items() if model.endswith(".bars")]
    _stamp(connection, ("warm", "ohlcv_bars_warm"), min(valued))
    connection.execute(_CHANGED.read_text(encoding="utf-8"))
    for chain, models_of_chain in _CHAINS.items():
        batch = min(seen[model] for model in models_of_chain)
        connection.execute("insert into state.chains values (?, ?, 0, null)", [chain, batch])
        connection.execute(
            "insert into state.reference_as_built select ?, seed, '', '', hash from warm.bar_inputs"
            " where model = 'ohlcv_bars_warm' and list_contains(?, seed)",
            [chain, list(_SEEDS_OF.get(chain, ()))],
        )
    until = min(moment for model, moment in seen.items() if model.endswith(".until"))
    connection.execute(
        "update state.chains set valued_until = make_timestamp(?) where chain = 'trading'", [until]
    )
    connection.execute("drop table warm.bar_inputs")
    connection.execute("drop table main.build_watermarks")


def _watermarks(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    if not exists(connection, "main.build_watermarks"):
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
    """Drop the views of the former models: the next run makes its own."""
    views = connection.execute(
        "select schema_name, view_name from duckdb_views() where database_name = current_database()"
        " and not internal and schema_name in ('main', 'staging', 'intermediate', 'migration')"
    ).fetchall()
    for view in views:
        connection.execute(f"drop view {_sql(view)}")


def _sql(table: tuple[str, str]) -> str:
    return f"{quoted(table[0])}.{quoted(table[1])}"
