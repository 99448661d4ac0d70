"""The specification's tables in TimescaleDB, with exact types.

A table may lack optional columns. It may have further ones, which are extracted too.
"""

from __future__ import annotations

from dataclasses import dataclass

PRICE = "DECIMAL(18,8)"
WIDE = "DECIMAL(28,10)"
MONEY = "DECIMAL(38,2)"
RATIO = "DECIMAL(10,4)"


@dataclass(frozen=True)
class Table:
    """One table: its time column, the DuckDB types of its columns, and which it must have.

    `kind`: the kind as which its rows are landed (orders and trades together make order events);
    None: only compared.
    """

    name: str
    time: str
    columns: dict[str, str]
    required: tuple[str, ...]
    kind: str | None = None


def _typed(type_: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), type_)


MARKET_TICKS = Table(
    name="market_ticks",
    time="timestamp",
    kind="ticks",
    columns={
        **_typed("BIGINT", "tick_id"),
        **_typed("VARCHAR", "exchange symbol"),
        **_typed("TIMESTAMP", "timestamp"),
        **_typed(PRICE, "bid_price ask_price bid_size ask_size last_price last_size volume"),
        **_typed("BIGINT", "sequence_number"),
        **_typed("VARCHAR[]", "conditions"),
        **_typed("VARCHAR", "tape"),
        **_typed("TIMESTAMP", "ingestion_time"),
        **_typed("VARCHAR", "source"),
        **_typed("UUID", "correlation_id"),
        # not in the specification; where they exist, they identify ticks
        **_typed("VARCHAR", "kind venue trade_id"),
    },
    required=("tick_id", "exchange", "symbol", "timestamp"),
)

OHLCV_BARS = Table(
    name="ohlcv_bars",
    time="timestamp",
    columns={
        **_typed("BIGINT", "bar_id"),
        **_typed("VARCHAR", "exchange symbol timeframe"),
        **_typed("TIMESTAMP", "timestamp"),
        **_typed(PRICE, "open high low close"),
        **_typed("DECIMAL(38,8)", "volume"),
        **_typed(PRICE, "vwap"),
        **_typed("INTEGER", "trade_count"),
        **_typed("BOOLEAN", "is_complete"),
    },
    required=("exchange", "symbol", "timeframe", "timestamp", "open", "high", "low", "close"),
)

ORDERS = Table(
    name="orders",
    time="created_at",
    kind="orders",
    columns={
        **_typed("UUID", "order_id"),
        **_typed("VARCHAR", "client_order_id exchange symbol strategy_id side order_type"),
        **_typed("VARCHAR", "time_in_force"),
        **_typed(WIDE, "quantity price stop_price filled_quantity average_fill_price"),
        **_typed("VARCHAR", "status status_message"),
        **_typed("TIMESTAMP", "created_at submitted_at updated_at filled_at"),
        **_typed(WIDE, "commission"),
        **_typed("VARCHAR", "commission_currency"),
        **_typed("UUID", "correlation_id parent_order_id"),
        **_typed("BOOLEAN", "extended_hours"),
        **_typed("JSON", "metadata"),
    },
    required=("order_id", "exchange", "symbol", "side", "quantity", "status", "created_at"),
)

TRADES = Table(
    name="trades",
    time="executed_at",
    kind="orders",
    columns={
        **_typed("UUID", "trade_id order_id"),
        **_typed("VARCHAR", "exchange symbol side"),
        **_typed(WIDE, "quantity price"),
        **_typed("TIMESTAMP", "executed_at reported_at"),
        **_typed(WIDE, "commission fees realized_pnl"),
        **_typed("VARCHAR", "exchange_trade_id"),
        **_typed("UUID", "correlation_id"),
    },
    required=("trade_id", "order_id", "exchange", "symbol", "quantity", "price", "executed_at"),
)

POSITIONS = Table(
    name="positions",
    time="snapshot_time",
    columns={
        **_typed("BIGINT", "position_id"),
        **_typed("VARCHAR", "exchange symbol side"),
        **_typed(WIDE, "quantity average_entry_price"),
        **_typed("TIMESTAMP", "first_entry_time"),
        **_typed(WIDE, "current_price market_value unrealized_pnl"),
        **_typed(RATIO, "unrealized_pnl_pct"),
        **_typed(WIDE, "realized_pnl total_cost_basis max_drawdown"),
        **_typed(RATIO, "max_drawdown_pct"),
        **_typed("TIMESTAMP", "snapshot_time opened_at closed_at"),
        **_typed("UUID", "correlation_id"),
        **_typed("VARCHAR", "strategy_id"),
    },
    required=("exchange", "symbol", "quantity", "snapshot_time"),
)

PORTFOLIO_SNAPSHOTS = Table(
    name="portfolio_snapshots",
    time="snapshot_time",
    columns={
        **_typed("BIGINT", "snapshot_id"),
        **_typed("TIMESTAMP", "snapshot_time"),
        **_typed("VARCHAR", "snapshot_type"),
        **_typed(MONEY, "cash_balance buying_power portfolio_value equity total_pnl"),
        **_typed(RATIO, "total_pnl_pct"),
        **_typed(MONEY, "daily_pnl"),
        **_typed(RATIO, "daily_pnl_pct leverage"),
        **_typed(MONEY, "margin_used max_drawdown"),
        **_typed(RATIO, "max_drawdown_pct"),
        **_typed("INTEGER", "long_positions short_positions total_positions"),
        **_typed("JSON", "metadata"),
    },
    required=("snapshot_time", "snapshot_type", "equity"),
)

SYSTEM_METRICS = Table(
    name="system_metrics",
    time="timestamp",
    kind="metrics",
    columns={
        **_typed("BIGINT", "metric_id"),
        **_typed("TIMESTAMP", "timestamp"),
        **_typed("VARCHAR", "metric_name metric_type"),
        **_typed("DOUBLE", "value"),
        **_typed("JSON", "labels quantiles"),
        **_typed("UUID", "correlation_id"),
    },
    required=("metric_id", "timestamp", "metric_name", "metric_type", "value"),
)

APPLICATION_LOGS = Table(
    name="application_logs",
    time="timestamp",
    kind="logs",
    columns={
        **_typed("BIGINT", "log_id"),
        **_typed("TIMESTAMP", "timestamp"),
        **_typed("VARCHAR", "level service component message event"),
        **_typed("JSON", "context data exception source"),
    },
    required=("log_id", "timestamp", "level", "service", "message"),
)

TABLES = {
    table.name: table
    for table in (
        MARKET_TICKS,
        OHLCV_BARS,
        ORDERS,
        TRADES,
        POSITIONS,
        PORTFOLIO_SNAPSHOTS,
        SYSTEM_METRICS,
        APPLICATION_LOGS,
    )
}
