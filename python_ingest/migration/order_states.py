"""Dual write of orders and trades: TimescaleDB keeps states, so they follow after each build."""

from dataclasses import replace
from pathlib import Path

import duckdb
import psycopg

from python_ingest.errors import IngestError
from python_ingest.landing import spool
from python_ingest.migration import state
from python_ingest.migration.dual_write import Drift, follow_database
from python_ingest.migration.postgres_rows import (
    as_postgres,
    common_columns,
    put_apart,
    take_in,
)
from python_ingest.migration.query import SQL
from python_ingest.migration.server import connected
from python_ingest.migration.tables import FORMAT, TABLES
from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line
from python_ingest.storage.process_lock import process_lock
from python_ingest.storage.sql import literal, sql_path, value_of
from python_ingest.storage.writer import open_writer


def replay_orders(settings: Settings) -> Drift:
    """Write the orders and trades that were built since the last call.

    Never raises: what could not be written is written after the next build.
    """
    try:
        if state.load(settings).dual_write_from is None:
            return Drift()
        with process_lock(settings.data_dir / "migration" / "dual_write.lock", "dual write"):
            return _replay(settings)
    except (IngestError, duckdb.Error, psycopg.Error, OSError) as error:
        return Drift(error=first_line(error))


def _replay(settings: Settings) -> Drift:
    note = follow_database(settings)
    seen = state.load(settings).orders_replayed_to
    with spool.scratch(settings) as scratch:
        touched = scratch / "touched.parquet"
        with open_writer(settings) as connection:
            built = _built(connection)
            if built <= seen:
                return Drift(note=note)
            sql = SQL.touched_orders(str(seen), str(built), literal(FORMAT))
            found = value_of(connection, f"copy ({sql}) to {sql_path(touched)} (format parquet)")
        drift = Drift(note=note)
        if found:
            with connected() as server:
                drift = replace(_write(settings, server, touched, scratch), note=note)
    with state.changed(settings) as known:
        known.orders_replayed_to = built
        known.replayed_at = state.now()
    return drift


def _built(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the batch up to which orders are built here; 0 while TimescaleDB's are read."""
    batch = value_of(
        connection,
        "select max(batch_id) from state.chains where chain = 'trading' and not exists ("
        " from warm.read_positions where relation = 'orders' and position <> 'duckdb')",
    )
    return int(batch or 0)


def _write(settings: Settings, server: psycopg.Connection, touched: Path, folder: Path) -> Drift:
    """Replace the touched orders and all of their trades, in one transaction.

    An order that the server refuses, or one of its trades, stays there as it was.
    """
    columns, files, rows = {}, {}, {}
    for name in ("orders", "trades"):
        columns[name] = common_columns(server, TABLES[name], f"main.{name}", settings)
        files[name] = folder / f"{name}.csv"
        with open_writer(settings) as connection:
            rows[name] = value_of(
                connection,
                f"copy (select {', '.join(as_postgres(n, t) for n, t in columns[name].items())}"
                f" from main.{name} where account_id = 'main'"
                " and (exchange, symbol, source_order_id) in"
                f" (select (exchange, symbol, order_id) from {sql_path(touched)})"
                f" order by {'created_at, order_id' if name == 'orders' else 'trade_id'})"
                f" to {sql_path(files[name])} (format csv, header false)",
            )
    with server.transaction():
        incoming = {name: take_in(server, name, columns[name], files[name]) for name in files}
        some = "select order_id from incoming_orders where position between %s and %s"
        ids = f"select {incoming['trades'].values['order_id']} from ({some}) as these"

        def put(first: int, last: int) -> int:
            for name in ("trades", "orders"):
                server.execute(
                    f"delete from {name} where order_id in ({ids})".encode(), [first, last]
                )
            whose = " where position between %s and %s", f" where order_id in ({some})"
            return sum(
                server.execute(f"{one.insert}{where}".encode(), [first, last]).rowcount
                for one, where in zip(incoming.values(), whose, strict=True)
            )

        done = put_apart(server, put, 1, rows["orders"])
        refusal = None
        if done.refused:
            position, reason = next(iter(done.refused.items()))
            ((order_id,),) = server.execute(
                "select order_id from incoming_orders where position = %s", [position]
            )
            refusal = f"order {order_id}: {reason}"
    return Drift(done.rows, refused=sum(rows.values()) - done.rows, refusal=refusal)
