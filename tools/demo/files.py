"""Order events, cash, metrics and logs as canonical files."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from tools.demo.accounts import Row
from tools.demo.arrow import MONEY, TIME, iso, money_text, ndjson, write_parquet, write_text
from tools.demo.desk import Event

ORDER_SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("event_type", pa.string()),
        ("event_time", TIME),
        ("order_id", pa.string()),
        ("client_order_id", pa.string()),
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("side", pa.string()),
        ("order_type", pa.string()),
        ("quantity", MONEY),
        ("strategy_id", pa.string()),
        ("time_in_force", pa.string()),
        ("price", MONEY),
        ("stop_price", MONEY),
        ("trade_id", pa.string()),
        ("exchange_trade_id", pa.string()),
        ("fill_quantity", MONEY),
        ("fill_price", MONEY),
        ("commission", MONEY),
        ("commission_currency", pa.string()),
        ("fees", MONEY),
        ("status_message", pa.string()),
        ("correlation_id", pa.string()),
        ("parent_order_id", pa.string()),
        ("sequence_number", pa.int64()),
    ]
)
CASH_SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("event_time", TIME),
        ("kind", pa.string()),
        ("amount", MONEY),
        ("currency", pa.string()),
    ]
)


def _column(field: pa.Field, values: list[Any]) -> pa.Array:
    if field.type == MONEY:
        texts = [None if value is None else money_text(value) for value in values]
        return pa.array(texts, pa.string()).cast(MONEY)
    return pa.array(values, field.type)


def write_order_parquet(path: Path, events: list[Event]) -> Path:
    """Write order events (money in units of 1e-8) as canonical Parquet."""
    columns = [
        _column(field, [event.get(field.name) for event in events]) for field in ORDER_SCHEMA
    ]
    return write_parquet(path, pa.table(columns, schema=ORDER_SCHEMA))


def write_order_ndjson(path: Path, events: list[Event]) -> Path:
    """Write order events as canonical NDJSON, money as decimal text."""
    return write_text(path, ndjson(_order_json(event) for event in events))


def _order_json(event: Event) -> dict[str, Any]:
    row = {}
    for field in ORDER_SCHEMA:
        value = event.get(field.name)
        if value is not None and field.type == MONEY:
            value = money_text(value)
        elif value is not None and field.type == TIME:
            value = iso(value)
        row[field.name] = value
    return row


def write_cash_parquet(path: Path, rows: list[tuple[str, int, str, int, str]]) -> Path:
    """Write cash events as canonical Parquet."""
    columns = [_column(field, [row[at] for row in rows]) for at, field in enumerate(CASH_SCHEMA)]
    return write_parquet(path, pa.table(columns, schema=CASH_SCHEMA))


def write_ndjson(path: Path, rows: list[Row]) -> Path:
    """Write rows as NDJSON, gzipped when the name ends with `.gz`."""
    return write_text(path, ndjson(rows))
