"""Dual write of orders and trades: TimescaleDB keeps states, so they follow after each build."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import psycopg

from python_ingest.errors import IngestError
from python_ingest.migration import state
from python_ingest.migration.canonical import FORMAT
from python_ingest.migration.dual_write import Drift, now
from python_ingest.migration.postgres_rows import as_postgres, common_columns, copy_in
from python_ingest.migration.server import connected
from python_ingest.migration.tables import TABLES
from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line
from python_ingest.storage.process_lock import process_lock
from python_ingest.storage.sql import literal, quoted, sql_path, value_of
from python_ingest.storage.writer import open_writer

# Orders that batches after $seen up to $built may have changed. A correction names the trade and
# need not name the order; a fill renames another of its trade id (docs/adr/0230). Orders without
# a 'created' event here belong to TimescaleDB until they are migrated. TimescaleDB knows no
# accounts, and holds the one that it began with (docs/adr/0221).
_TOUCHED = f"""
    with events as (
        select * from staging.stg_order_events where account_id = 'main'
    ),
    versions as (
        select * from events
        where (exchange, event_id) in (
            select (events.exchange, events.event_id) from events
            inner join raw.landings as landings using (batch_id)
            where batch_id > $seen and batch_id <= $built and landings.format <> {literal(FORMAT)}
        )
    ),
    touched as (
        select exchange, symbol, order_id from versions
        union
        select fills.exchange, fills.symbol, fills.order_id
        from versions
        inner join events as fills using (exchange, symbol, trade_id)
        where fills.is_fill
    )
    select * from touched
    where (exchange, symbol, order_id) in (
        select (exchange, symbol, order_id) from events where event_type = 'created'
    )
"""


def replay_orders(settings: Settings) -> Drift:
    """Write the orders and trades that were built since the last call.

    Never raises: what could not be written is written after the next build.
    """
    known = state.load(settings)
    if known.dual_write_from is None:
        return Drift()
    try:
        with process_lock(settings.data_dir / "migration" / "dual_write.lock", "dual write"):
            return _replay(settings, known)
    except (IngestError, duckdb.Error, psycopg.Error, OSError) as error:
        return Drift(error=first_line(error))


def _replay(settings: Settings, known: state.State) -> Drift:
    with tempfile.TemporaryDirectory(dir=settings.data_dir / "migration") as folder:
        touched = Path(folder) / "touched.parquet"
        with open_writer(settings) as connection:
            built = _built(connection)
            if built <= known.orders_replayed_to:
                return Drift()
            sql = _TOUCHED.replace("$seen", str(known.orders_replayed_to))
            found = value_of(
                connection,
                f"copy ({sql.replace('$built', str(built))}) to {sql_path(touched)}"
                " (format parquet)",
            )
        written = 0
        if found:
            with connected() as server:
                written = _write(settings, server, touched, Path(folder))
    known.orders_replayed_to = built
    known.replayed_at = now()
    state.save(settings, known)
    return Drift(written)


def _built(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the batch up to which orders are built here; 0 while TimescaleDB's are read."""
    batch = value_of(
        connection,
        "select max(batch_id) from state.chains where chain = 'trading' and not exists ("
        " from warm.read_positions where relation = 'orders' and position <> 'duckdb')",
    )
    return int(batch or 0)


def _write(settings: Settings, server: psycopg.Connection, touched: Path, folder: Path) -> int:
    """Replace the touched orders and all of their trades, in one transaction."""
    columns, files, written = {}, {}, 0
    for name in ("orders", "trades"):
        columns[name] = common_columns(server, TABLES[name], f"main.{name}", settings)
        files[name] = folder / f"{name}.csv"
        with open_writer(settings) as connection:
            written += value_of(
                connection,
                f"copy (select {', '.join(as_postgres(n, t) for n, t in columns[name].items())}"
                f" from main.{name} where account_id = 'main'"
                " and (exchange, symbol, source_order_id) in"
                f" (select (exchange, symbol, order_id) from {sql_path(touched)}))"
                f" to {sql_path(files[name])} (format csv, header false)",
            )
    with server.transaction():
        for name in ("orders", "trades"):
            server.execute(f"create temp table new_{name} (like {name}) on commit drop".encode())
            names = ", ".join(quoted(column) for column in columns[name])
            copy_in(server, f"copy new_{name} ({names}) from stdin (format csv)", files[name])
        server.execute("delete from trades where order_id in (select order_id from new_orders)")
        server.execute("delete from orders where order_id in (select order_id from new_orders)")
        for name in ("orders", "trades"):
            names = ", ".join(quoted(column) for column in columns[name])
            server.execute(f"insert into {name} ({names}) select {names} from new_{name}".encode())
    return written
