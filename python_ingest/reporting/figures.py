"""What the report shows, read from the published file: plain values, ready to become JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb

from python_ingest.errors import UsageError

Row = list[Any]
BARS_SHOWN = 600  # of each symbol and timeframe, the newest
TRIPS_SHOWN = 200
ROWS_SHOWN = 50  # of gaps and of rejected rows


@dataclass(frozen=True)
class Table:
    """Columns and rows; `total` counts also the rows that are not shown."""

    columns: list[str]
    rows: list[Row]
    total: int


@dataclass(frozen=True)
class Chart:
    """Bars of one symbol and timeframe: epoch seconds, open, high, low, close, volume."""

    exchange: str
    symbol: str
    timeframe: str
    digits: int
    bars: list[Row]


def _value(value: Any) -> Any:
    """Return a value as JSON; money becomes text, so that no digit is lost."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)


def table(connection: duckdb.DuckDBPyConnection, sql: str, shown: int = ROWS_SHOWN) -> Table:
    """Return the first rows of a query, and the number of all its rows."""
    found = connection.execute(f"{sql} limit {shown}")
    columns = [column[0] for column in found.description]
    rows = found.fetchall()
    total = len(rows)
    if total == shown:
        row = connection.execute(f"select count(*) from ({sql})").fetchone()
        total = int(row[0]) if row else total
    return Table(columns, [[_value(v) for v in row] for row in rows], total)


def instruments(
    connection: duckdb.DuckDBPyConnection, symbols: list[str], most: int
) -> list[tuple[str, str]]:
    """Return (exchange, symbol) of the chosen symbols, or of those with the newest bars.

    Raises UsageError that lists what there is when a chosen one has no bars.
    """
    known = connection.execute(
        "select exchange, symbol from ohlcv_bars group by all"
        " order by max(timestamp) desc, exchange, symbol"
    ).fetchall()
    if missing := [s for s in symbols if s not in {symbol for _, symbol in known}]:
        listed = ", ".join(sorted({symbol for _, symbol in known})[:20]) or "none yet"
        raise UsageError(f"no bars of {', '.join(missing)}; there are: {listed}")
    return [(e, s) for e, s in known if s in symbols] if symbols else known[:most]


def timeframes(connection: duckdb.DuckDBPyConnection, chosen: list[str]) -> list[str]:
    """Return the chosen timeframes, or all, the shortest first.

    Raises UsageError that lists what there is when a chosen one has no bars.
    """
    known = [
        str(name)
        for (name,) in connection.execute(
            "select timeframe from ohlcv_bars group by timeframe order by min(ends_at - timestamp)"
        ).fetchall()
    ]
    if missing := [name for name in chosen if name not in known]:
        listed = ", ".join(known) or "none yet"
        raise UsageError(f"no bars of {', '.join(missing)}; there are: {listed}")
    return [name for name in known if name in chosen] if chosen else known


def chart(
    connection: duckdb.DuckDBPyConnection, exchange: str, symbol: str, timeframe: str
) -> Chart:
    """Return the newest bars of a symbol, oldest first."""
    rows = connection.execute(
        "from (select epoch(timestamp)::bigint as second, open, high, low, close, volume"
        " from ohlcv_bars where exchange = ? and symbol = ? and timeframe = ?"
        f" order by timestamp desc limit {BARS_SHOWN}) order by second",
        [exchange, symbol, timeframe],
    ).fetchall()
    prices = {price.normalize() for row in rows for price in row[1:5]}
    exponents = [price.as_tuple().exponent for price in prices]
    digits = max((-e for e in exponents if isinstance(e, int)), default=2)
    bars = [[row[0], *(float(value) for value in row[1:])] for row in rows]
    return Chart(exchange, symbol, timeframe, min(max(digits, 2), 8), bars)


def equity(connection: duckdb.DuckDBPyConnection) -> list[Row]:
    """Return (epoch second, equity, how far total P&L is below its peak), oldest first.

    The end of each day, and of the last 30 days every snapshot.
    """
    rows = connection.execute(
        "with curve as (select epoch(snapshot_time)::bigint as second,"
        "  arg_max(equity, snapshot_time) as equity,"
        "  arg_max(total_pnl, snapshot_time) as total_pnl, bool_or(snapshot_type = 'eod') as is_eod"
        "  from portfolio_snapshots group by second),"
        " peaks as (select *, max(total_pnl) over (order by second) - total_pnl as below_peak"
        "  from curve)"
        " select second, equity, below_peak from peaks"
        " where is_eod or second > (select max(second) from curve) - 30 * 86400 order by second"
    ).fetchall()
    return [[second, float(value), float(below)] for second, value, below in rows]


def now() -> str:
    """Return this second, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
