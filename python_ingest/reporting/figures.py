"""What the report shows, asked of what is published or served: plain values, ready for JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

import duckdb

from python_ingest.errors import UsageError
from python_ingest.storage.sql import dicts

Row = list[Any]
# Asks a query with values for its $names; gives each row as a dict.
Ask = Callable[[str, Mapping[str, Any]], list[dict[str, Any]]]

BARS_SHOWN = 1500  # of each symbol and timeframe, the newest: a day of minutes
TRIPS_SHOWN = 200
ROWS_SHOWN = 50

_QUERIES = files("python_ingest.reporting") / "queries"


@dataclass(frozen=True)
class Table:
    """Columns and rows; `total` counts also the rows that are not shown.

    An amount is a dict: `amount` (money) or `price`, as text without loss, and its `currency`.
    """

    columns: list[str]
    rows: list[Row]
    total: int


@dataclass(frozen=True)
class Series:
    """What has bars: `timeframes` are (name, seconds, how many bars are shown), the shortest first.

    `currency`: of its prices; `unit`: of its volume; empty where nobody knows it.
    """

    exchange: str
    symbol: str
    currency: str
    unit: str
    timeframes: list[tuple[str, int, int]]


@dataclass(frozen=True)
class Chart:
    """Bars and fills of one series.

    `bars`: epoch second, open, high, low, close, volume, vwap (or None). `fills`: epoch second of
    the bar, side, how many, quantity, mean price. `digits`: decimals of its prices.
    """

    exchange: str
    symbol: str
    timeframe: str
    digits: int
    bars: list[Row]
    fills: list[Row]


def query(name: str) -> str:
    """Return the text of a query of the report."""
    return (_QUERIES / f"{name}.sql").read_text(encoding="utf-8")


def asking(connection: duckdb.DuckDBPyConnection) -> Ask:
    """Return what asks a connection."""
    return lambda sql, values: dicts(connection.execute(sql, values or None))


def _value(value: Any) -> Any:
    """Return a value as JSON; money becomes text, so that no digit is lost."""
    if isinstance(value, dict):
        return {name: _value(part) for name, part in value.items()}
    if isinstance(value, Decimal):
        text = f"{value:f}"  # `normalize` would round to the 28 digits of Python's arithmetic
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return text if value else "0"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)


def table(ask: Ask, name: str, shown: int = ROWS_SHOWN) -> Table:
    """Return the first rows of a query of the report, and the number of all its rows."""
    sql = query(name).strip()
    found = ask(f"{sql}\nlimit {shown}", {})
    total = len(found)
    if total == shown:
        ((total,),) = (row.values() for row in ask(f"select count(*) from (\n{sql}\n)", {}))
    rows = [[_value(value) for value in row.values()] for row in found]
    return Table(list(found[0]) if found else [], rows, total)


def series(
    ask: Ask, symbols: list[str], timeframes: list[str], most: int | None = None
) -> list[Series]:
    """Return what has bars: the chosen symbols, or the `most` with the newest bars.

    Raises UsageError that lists what there is when a chosen symbol or timeframe has no bars.
    """
    found = [Series(**row) for row in ask(query("series"), {"shown": BARS_SHOWN})]
    known = {name: seconds for one in found for name, seconds, _ in one.timeframes}
    _require(symbols, sorted({one.symbol for one in found}))
    _require(timeframes, sorted(known, key=lambda name: known[name]))
    chosen = [
        replace(
            one, timeframes=[each for each in one.timeframes if each[0] in (timeframes or known)]
        )
        for one in found
        if not symbols or one.symbol in symbols
    ]
    return [one for one in (chosen if symbols else chosen[:most]) if one.timeframes]


def _require(chosen: list[str], known: list[str]) -> None:
    if missing := [name for name in chosen if name not in known]:
        listed = ", ".join(known[:20]) or "none yet"
        raise UsageError(f"no bars of {', '.join(missing)}; there are: {listed}")


def _decimals(prices: set[Decimal]) -> int:
    exponents = [price.normalize().as_tuple().exponent for price in prices]
    return min(max((-e for e in exponents if isinstance(e, int)), default=2), 8)


def chart(ask: Ask, exchange: str, symbol: str, timeframe: str) -> Chart:
    """Return the newest bars of a series and its fills on them, oldest first."""
    asked = {"exchange": exchange, "symbol": symbol, "timeframe": timeframe, "shown": BARS_SHOWN}
    bars = [list(row.values()) for row in ask(query("bars"), asked)]
    fills = [list(row.values()) for row in ask(query("fills"), asked)] if bars else []
    digits = max(2, _decimals({price for row in bars for price in row[1:5]}))
    return Chart(exchange, symbol, timeframe, digits, _as_drawn(bars), _as_drawn(fills))


def points(ask: Ask, name: str) -> list[Row]:
    """Return the rows of a query of the report as a chart draws them."""
    return _as_drawn([list(row.values()) for row in ask(query(name), {})])


def _as_drawn(rows: list[Row]) -> list[Row]:
    """Return rows with floating point numbers: charts draw nothing else."""
    return [
        [float(value) if isinstance(value, Decimal) else _value(value) for value in row]
        for row in rows
    ]


def now() -> str:
    """Return this second, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
