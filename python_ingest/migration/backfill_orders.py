"""Land the events made of TimescaleDB's orders and trades, except those that came from here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from python_ingest.errors import IngestError
from python_ingest.landing import spool
from python_ingest.landing.land import LandingResult, land_one
from python_ingest.landing.prepare import working_connection
from python_ingest.migration import manifest
from python_ingest.migration.canonical import into_spool
from python_ingest.migration.order_events import make_order_events
from python_ingest.schema import migrate as schema
from python_ingest.settings import Settings
from python_ingest.storage.sql import sql_path, value_of
from python_ingest.storage.writer import open_writer


def land_orders(settings: Settings) -> Iterator[LandingResult]:
    """Make the events and land them; yields the results."""
    made = make_order_events(settings)
    if made is None or not made.parts[0].rows:
        return
    folder = manifest.folder_of(settings, made.relation)
    with spool.scratch(settings) as scratch:
        known = scratch / "known.parquet"
        _copy_known_orders(settings, known)
        finished = scratch / "segment.parquet"
        with working_connection(settings) as connection:
            connection.execute(f"""
                copy (
                    select * from read_parquet({sql_path(folder / made.parts[0].file)})
                    where coalesce(trade_id, order_id) not in (
                        select id from read_parquet({sql_path(known)})
                    )
                ) to {sql_path(finished)} (format parquet)
            """)
        segment = into_spool(settings, "orders", "orders and trades", finished)
    yield land_one(settings, segment)


def _copy_known_orders(settings: Settings, target: Path) -> None:
    """Write the ids of orders and trades that were landed here, not migrated.

    Raises IngestError when events have landed that no build contains.
    """
    with open_writer(settings) as connection:
        schema.migrate(connection)
        own = "select 1 from raw.order_events where event_id not like 'timescale/%' limit 1"
        if not connection.execute(own).fetchone():
            connection.execute(
                f"copy (select null::varchar as id where false) to {sql_path(target)}"
                " (format parquet)"
            )
            return
        built = value_of(
            connection,
            "select count(*) from duckdb_views() where schema_name = 'main'"
            " and view_name in ('orders', 'trades') and database_name = current_database()",
        )
        if built < 2:  # noqa: PLR2004
            raise IngestError("orders have landed and were never built: run dbt build first")
        connection.execute(f"""
            copy (
                select order_id::varchar as id from main.orders
                where source_order_id in (
                    select order_id from raw.order_events
                    where event_id not like 'timescale/%' and event_type in ('created', 'submitted')
                )
                union all
                select trade_id::varchar from main.trades
                where source_trade_id is null or source_trade_id in (
                    select trade_id from raw.order_events where event_id not like 'timescale/%'
                )
            ) to {sql_path(target)} (format parquet)
        """)
