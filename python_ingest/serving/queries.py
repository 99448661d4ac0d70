"""The queries that applications need most, with bound values, on a pool or one of its readers.

Times are datetimes, naive ones in UTC; prices and sizes come back as DECIMAL. Tables are Arrow.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import pyarrow as pa

from python_ingest.serving.bound_values import in_utc
from python_ingest.serving.query import SQL
from python_ingest.serving.results import Readable

_BEGINNING = datetime(1970, 1, 1)
_END = datetime(9999, 1, 1)


def _dates(first: datetime, last: datetime) -> tuple[date, date]:
    return in_utc(first).date(), in_utc(last).date()


def _one(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    return rows[0] if rows else None


def latest_tick(source: Readable, exchange: str, symbol: str) -> dict[str, Any] | None:
    """Return the newest tick of an instrument, or None."""
    sql = "select * from latest_ticks where exchange = ? and symbol = ?"
    return _one(source.dicts(sql, [exchange, symbol], operation="latest_tick"))


def latest_ticks(source: Readable) -> pa.Table:
    """Return the newest tick of every instrument, by exchange and symbol."""
    sql = "select * from latest_ticks order by exchange, symbol"
    return source.query(sql, operation="latest_ticks")


def recent_ticks(  # noqa: PLR0913 - an instrument, a span and a limit
    source: Readable,
    exchange: str,
    symbol: str,
    *,
    since: datetime,
    until: datetime = _END,
    limit: int = 1000,
) -> pa.Table:
    """Return the newest `limit` ticks with since <= timestamp <= until, newest first.

    Of one instant the last in trade order comes first.
    """
    return source.query(
        SQL.recent_ticks(),
        [exchange, symbol, in_utc(since), in_utc(until), *_dates(since, until), limit],
        operation="recent_ticks",
    )


def bars(  # noqa: PLR0913 - an instrument, a timeframe and a span
    source: Readable,
    exchange: str,
    symbol: str,
    timeframe: str,
    *,
    start: datetime,
    end: datetime,
) -> pa.Table:
    """Return the bars that begin in [start, end), oldest first."""
    return source.query(
        SQL.bars(),
        [exchange, symbol, timeframe, in_utc(start), in_utc(end), *_dates(start, end)],
        operation="bars",
    )


def open_positions(source: Readable, strategy_id: str | None = None) -> pa.Table:
    """Return the positions that are not flat, of one strategy or of all."""
    return source.query(
        SQL.open_positions(), [strategy_id, strategy_id], operation="open_positions"
    )


def order_by_id(source: Readable, order_id: UUID) -> dict[str, Any] | None:
    """Return one order, or None."""
    sql = "select * from orders where order_id = ?"
    return _one(source.dicts(sql, [order_id], operation="order_by_id"))


def portfolio_curve(
    source: Readable,
    snapshot_type: str = "intraday",
    start: datetime = _BEGINNING,
    end: datetime = _END,
) -> pa.Table:
    """Return the portfolio's snapshots of one type in [start, end), oldest first."""
    return source.query(
        SQL.portfolio_curve(),
        [snapshot_type, in_utc(start), in_utc(end)],
        operation="portfolio_curve",
    )
