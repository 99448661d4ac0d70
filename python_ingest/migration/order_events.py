"""Order events made of order states: TimescaleDB keeps the last state of an order, no events.

An order becomes a 'created' event and one event for each further change that its row shows; each
of its trades becomes a fill. Folding the events gives the order's row again. Event ids are derived
from the rows' ids, so the same order always gives the same events.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from python_ingest.feeds.kinds import ORDERS
from python_ingest.feeds.relation import Scan, validated
from python_ingest.migration import manifest
from python_ingest.migration.manifest import Manifest, Part
from python_ingest.migration.tables import TABLES
from python_ingest.settings import Settings
from python_ingest.storage.files import move_into_place, sha256_of
from python_ingest.storage.sql import quoted, sql_path

RELATION = "order_events"

_COMMON = """
    order_id::varchar as order_id,
    coalesce(client_order_id, order_id::varchar) as client_order_id,
    exchange, symbol, side, coalesce(order_type, 'unknown') as order_type, quantity, strategy_id,
    time_in_force, price, stop_price, correlation_id, parent_order_id::varchar as parent_order_id,
    extended_hours, metadata, 'backfill' as source
"""

_EVENTS = f"""
with ended as (
    select *, status in ('cancelled', 'rejected') as is_ended from orders
),
states as (
    select 'created' as event_type, created_at as event_time,
        if(is_ended, null, status_message) as status_message, {_COMMON}
    from ended
    union all by name
    select 'submitted' as event_type, submitted_at as event_time, {_COMMON}
    from ended where submitted_at is not null
    union all by name
    select
        case when status = 'rejected' then 'rejected'
            when status_message = 'expired' then 'expired' else 'cancelled' end as event_type,
        coalesce(updated_at, submitted_at, created_at) as event_time, status_message, {_COMMON}
    from ended where is_ended
    union all by name
    -- what changed it last is not told: a replacement is what says nothing else
    select if(submitted_at is null, 'created', 'replaced') as event_type, updated_at as event_time,
        {_COMMON}
    from ended
    where not is_ended and updated_at is not null
        and updated_at is distinct from submitted_at and updated_at <> created_at
        and updated_at not in (select executed_at from trades where order_id = ended.order_id)
),
fills as (
    select 'fill' as event_type, t.executed_at as event_time, t.order_id::varchar as order_id,
        coalesce(o.client_order_id, t.order_id::varchar) as client_order_id,
        t.exchange, t.symbol, t.side, coalesce(o.order_type, 'unknown') as order_type,
        coalesce(o.quantity, t.quantity) as quantity, o.strategy_id,
        t.trade_id::varchar as trade_id, t.exchange_trade_id,
        t.quantity as fill_quantity, t.price as fill_price, t.commission, o.commission_currency,
        t.fees, coalesce(t.correlation_id, o.correlation_id) as correlation_id,
        'backfill' as source
    from trades as t left join orders as o on o.order_id = t.order_id
)
select concat_ws('/', 'timescale', event_type, order_id, epoch_us(event_time)) as event_id, *
from states
union all by name
select concat_ws('/', 'timescale', 'fill', trade_id) as event_id, * from fills
order by order_id, event_time, event_id
"""


def make_order_events(settings: Settings) -> Manifest | None:
    """Write the events of the extracted orders and trades as an extract of their own.

    Returns its manifest; None unless both tables are extracted.
    """
    folder = manifest.folder_of(settings, RELATION)
    sources = [manifest.load(manifest.folder_of(settings, name)) for name in ("orders", "trades")]
    if None in sources:
        return None
    orders, trades = [source for source in sources if source]
    folder.mkdir(parents=True, exist_ok=True)
    started = max(orders.finished_at or orders.started_at, trades.finished_at or trades.started_at)
    run = f"{started:%Y%m%dT%H%M%S%f}"
    temporary, final = folder / f".{run}.parquet", folder / f"{run}.parquet"
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for source in (orders, trades):
            connection.execute(f"create view {source.relation} as {_rows(settings, source)}")
        connection.execute(f"create temp table events as {_EVENTS}")
        described = connection.execute("describe events").fetchall()
        types = {name: type_ for name, type_, *_ in described}
        columns = ", ".join(quoted(name) for name in types)
        scan = Scan(
            "timescale",
            f"select {columns}, row_number() over () as row_number,"
            f" to_json(struct_pack({columns}))::varchar as raw_text from events",
            types,
            extra=("row_number",),
        )
        connection.execute(
            f"copy ({validated(ORDERS, scan, markets=False)}) to {sql_path(temporary)}"
            " (format parquet)"
        )
        found = connection.execute(
            "select count(*), min(event_time), max(event_time) from events"
        ).fetchone()
        kept = connection.execute(f"describe from {sql_path(temporary)}").fetchall()
    move_into_place(temporary, final)
    rows, first, last = found or (0, None, None)
    made = Manifest(
        relation=RELATION, table=RELATION, time="event_time", timeframe=None, run=run,
        started_at=orders.started_at, since=None, until=None, plan=(), covered=(),
        columns={name: type_ for name, type_, *_ in kept},
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
    known = TABLES[source.relation].columns
    parts = (*source.parts, *source.gone)
    if not parts:
        return (
            f"select {', '.join(f'null::{t} as {quoted(n)}' for n, t in known.items())} where false"
        )
    files = ", ".join(sql_path(Path(folder / part.file)) for part in parts)
    columns = [
        f"{quoted(n) if n in source.columns else 'null'}::{t} as {quoted(n)}"
        for n, t in known.items()
    ]
    return f"select {', '.join(columns)} from read_parquet([{files}], union_by_name = true)"
