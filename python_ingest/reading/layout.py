"""How the published file lies on disk: in the order in which readers ask, with their indexes."""

from __future__ import annotations

import duckdb

# DuckDB skips whole row groups by their smallest and largest values, so rows that are asked for
# together lie together, and groups are a fifth of DuckDB's default (docs/adr/0062). A column of
# such a group then takes less than a block of the default size, of which a reader would keep and
# check what nobody asked for (docs/adr/0069).
ROW_GROUP_SIZE = 24576
BLOCK_SIZE = 65536

DAY = "timestamp::date"

_ORDER = {
    "market_ticks": f"{DAY}, exchange, symbol, timestamp desc",
    "ohlcv_bars": "timeframe, exchange, symbol, timestamp",
    "positions": "exchange, symbol, strategy_id, snapshot_time",
    "system_metrics": f"{DAY}, metric_name, timestamp",
}

_LOOKED_UP_BY = {"orders": "order_id", "trades": "order_id"}


def _relation(table: str) -> str:
    return table.removesuffix("_warm")


def order_by(table: str) -> str:
    """Return the ORDER BY clause with which a table is published; empty to keep its order."""
    columns = _ORDER.get(_relation(table))
    return f" order by {columns}" if columns else ""


def indexed_column(table: str) -> str | None:
    """Return the column by which readers look up single rows of a table."""
    return _LOOKED_UP_BY.get(_relation(table))


def fingerprint() -> str:
    """Return how tables are written: a file of another fingerprint can take none of them over."""
    return f"DuckDB {duckdb.__version__}, {BLOCK_SIZE}, {ROW_GROUP_SIZE}, {_ORDER}"
