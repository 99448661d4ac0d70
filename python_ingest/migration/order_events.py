"""Order events made of order states: TimescaleDB keeps the last state of an order, no events.

An order becomes a 'created' event and one event for each further change that its row shows; each
of its trades becomes a fill (queries/order_events.sql). Folding the events gives the order's row
again. Event ids are derived from the rows' ids, so the same order always gives the same events.
"""

from datetime import UTC, datetime
from pathlib import Path

from python_ingest.feeds.kinds import ORDERS
from python_ingest.feeds.relation import Scan, validated
from python_ingest.landing.prepare import working_connection
from python_ingest.migration import manifest
from python_ingest.migration.manifest import Manifest, Part
from python_ingest.migration.query import SQL
from python_ingest.migration.tables import TABLES
from python_ingest.settings import Settings
from python_ingest.storage.files import held, move_into_place, sha256_of
from python_ingest.storage.sql import columns_of, quoted, sql_path

RELATION = "order_events"


def make_order_events(settings: Settings) -> Manifest | None:
    """Write the events of the extracted orders and trades as an extract of their own.

    Returns its manifest; None unless both tables are extracted. Waits while another one makes them.
    """
    folder = manifest.folder_of(settings, RELATION)
    with held(folder / ".lock"):
        return _make(settings, folder)


def _make(settings: Settings, folder: Path) -> Manifest | None:
    orders = manifest.load(manifest.folder_of(settings, "orders"))
    trades = manifest.load(manifest.folder_of(settings, "trades"))
    if orders is None or trades is None:
        return None
    started = max(orders.finished_at or orders.started_at, trades.finished_at or trades.started_at)
    run = f"{started:%Y%m%dT%H%M%S%f}"
    temporary, final = folder / f".{run}.parquet", folder / f"{run}.parquet"
    with working_connection(settings) as connection:
        for source in (orders, trades):
            connection.execute(f"create view {source.relation} as {_rows(settings, source)}")
        connection.execute(f"create temp table events as {SQL.order_events()}")
        types = columns_of(connection, "events")
        columns = ", ".join(quoted(name) for name in types)
        scan = Scan(
            "timescale",
            f"select {columns}, row_number() over () as row_number,"
            f" struct_pack({columns}) as raw_text from events",
            types,
            extra=("row_number",),
            raw_is_struct=True,
        )
        connection.execute(
            f"copy ({validated(ORDERS, scan, markets=False)}) to {sql_path(temporary)}"
            " (format parquet)"
        )
        ((rows, first, last),) = connection.execute(
            "select count(*), min(event_time), max(event_time) from events"
        ).fetchall()
        kept = columns_of(connection, f"from {sql_path(temporary)}")
    move_into_place(temporary, final)
    made = Manifest(
        relation=RELATION, table=RELATION, time="event_time", timeframe=None, run=run,
        started_at=orders.started_at, since=None, until=None, plan=(), covered=(),
        columns=kept,
        parts=(
            Part(
                start=first or orders.started_at, end=last or orders.started_at, file=final.name,
                rows=rows, bytes=final.stat().st_size, sha256=sha256_of(final),
            ),
        ),
        finished_at=datetime.now(UTC).replace(tzinfo=None),
    )  # fmt: skip
    manifest.save(folder, made, manifest.FINISHED)
    for path in folder.glob("*.parquet"):
        if path.name != final.name:
            path.unlink()
    return made


def _rows(settings: Settings, source: Manifest) -> str:
    """Return SQL of an extract with every column that its table may have."""
    folder = manifest.folder_of(settings, source.relation)
    rows = manifest.rows_of(folder, source, (*source.parts, *source.gone))
    columns = ", ".join(
        f"{quoted(name) if name in source.columns else 'null'}::{type_} as {quoted(name)}"
        for name, type_ in TABLES[source.relation].columns.items()
    )
    return f"select {columns} from ({rows})"
