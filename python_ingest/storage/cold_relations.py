"""Whose old rows are kept in Parquet files, and how: one list for everybody who asks."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class ColdRelation:
    """A relation whose old rows are kept in Parquet files.

    `home` is the table it leaves, `key` the column that tells its rows apart, `time` the column
    whose UTC date is the partition, `batch` the column that says with which batch a row came or was
    built, `order_by` how a file is sorted. Rows of a relation that is not `restated` never change.
    `defaults` is what rows of a file say that was written before there was the column.
    """

    name: str
    home: str
    key: str
    time: str
    batch: str | None
    order_by: str
    restated: bool = True
    defaults: tuple[tuple[str, str], ...] = ()


_OF_POSITIONS = (("account_id", "main"), ("position_side", "net"))

RELATIONS = {
    relation.name: relation
    for relation in (
        ColdRelation(
            "market_ticks",
            "raw.market_ticks",
            "tick_id",
            "timestamp",
            "batch_id",
            "exchange, symbol, timestamp, tick_id",
            restated=False,
        ),
        ColdRelation(
            "application_logs",
            "raw.application_logs",
            "log_id",
            "timestamp",
            "batch_id",
            "service, timestamp, log_id",
            restated=False,
        ),
        ColdRelation(
            "system_metrics",
            "raw.system_metrics",
            "metric_id",
            "timestamp",
            "batch_id",
            "metric_name, timestamp, metric_id",
            restated=False,
        ),
        ColdRelation(
            "system_metrics_1h",
            "warm.system_metrics_1h_warm",
            "rollup_id",
            "timestamp",
            None,
            "metric_name, timestamp, rollup_id",
        ),
        ColdRelation(
            "ohlcv_bars",
            "warm.ohlcv_bars_warm",
            "bar_id",
            "timestamp",
            "built_batch_id",
            "exchange, symbol, timeframe, timestamp",
        ),
        ColdRelation(
            "orders",
            "warm.orders_warm",
            "order_id",
            "created_at",
            None,
            "exchange, symbol, created_at, order_id",
            defaults=(("account_id", "main"),),
        ),
        ColdRelation(
            "trades",
            "warm.trades_warm",
            "trade_id",
            "executed_at",
            None,
            "exchange, symbol, executed_at, trade_id",
            defaults=_OF_POSITIONS,
        ),
        ColdRelation(
            "positions",
            "warm.positions_warm",
            "position_id",
            "snapshot_time",
            None,
            "exchange, symbol, strategy_id, snapshot_time",
            defaults=_OF_POSITIONS,
        ),
        ColdRelation(
            "portfolio_snapshots",
            "warm.portfolio_snapshots_warm",
            "snapshot_id",
            "snapshot_time",
            None,
            "snapshot_time, snapshot_type",
            defaults=(("account_id", "all"),),
        ),
    )
}


# A file keeps only types that Spark reads too; a HUGEINT would even become a DOUBLE.
_STORED = {"UUID": "VARCHAR", "JSON": "VARCHAR", "HUGEINT": "DECIMAL(38, 0)"}
_TYPE_NAME = re.compile(r'"[^"]*"|\b\w+\b')


def stored_type(sql_type: str) -> str:
    """Return the type in which a file keeps values of `sql_type`; names of fields stay."""
    return _TYPE_NAME.sub(lambda found: _STORED.get(found[0].upper(), found[0]), sql_type)
