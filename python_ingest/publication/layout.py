"""How the published file lies on disk: in the order in which readers ask, with their indexes."""

from typing import NamedTuple

import duckdb

from python_ingest.publication.views import INTERNAL

# DuckDB skips row groups by their smallest and largest values. So rows that are read together are
# stored together, in groups of a fifth of the default size (docs/adr/0005). Blocks are smaller too:
# a column of such a group does not fill a default block, and readers cache and check whole blocks
# (docs/adr/0065).
ROW_GROUP_SIZE = 24576
BLOCK_SIZE = 65536

DAY = "timestamp::date"
_WEEK = "date_trunc('week', timestamp)::date"


class PartBy(NamedTuple):
    """SQL of the first date of a row's part, how many days a part has, and the column of times."""

    first: str
    days: int
    time: str = "timestamp"


# Bars are read as series, ticks by day. A week of bars is cheap to rewrite and long for a series.
_PARTS = {
    "market_ticks": PartBy(DAY, 1),
    "ohlcv_bars": PartBy(_WEEK, 7),
    "int_minute_bars": PartBy("minute::date", 1, "minute"),
}

_ORDER = {
    "market_ticks": f"{DAY}, exchange, symbol, timestamp desc",
    "ohlcv_bars": f"{_WEEK}, timeframe, exchange, symbol, timestamp",
    "int_minute_bars": "minute",
    "positions": "exchange, symbol, strategy_id, snapshot_time",
    "system_metrics": f"{DAY}, metric_name, timestamp",
}

_LOOKED_UP_BY = {"orders": "order_id", "trades": "order_id"}


def _relation(table: str) -> str:
    """Return the relation that a table of the published file belongs to."""
    return table.rpartition("__")[2].removesuffix("_warm")


def order_by(table: str) -> str:
    """Return the ORDER BY clause with which a table is published; empty to keep its order."""
    columns = _ORDER.get(_relation(table))
    return f" order by {columns}" if columns else ""


def part_by(table: str) -> PartBy | None:
    """Return the parts in which a table is taken over; None where it is written as a whole."""
    return _PARTS.get(_relation(table))


def indexed_column(table: str) -> str | None:
    """Return the column by which readers look up single rows of a table."""
    return _LOOKED_UP_BY.get(_relation(table))


def fingerprint() -> str:
    """Return how tables are written; tables of a file with another value are not taken over."""
    written = f"{BLOCK_SIZE}, {ROW_GROUP_SIZE}, {_ORDER}, {_PARTS}, {INTERNAL}"
    return f"DuckDB {duckdb.__version__}, {written}"
