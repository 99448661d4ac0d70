"""Cash, metrics and logs for a run of order events."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from tools.demo.arrow import iso
from tools.demo.desk import DAY, SECOND, Event, Prints

Row = dict[str, Any]
_ORDER_LOG = {
    "fill": ("info", "order_filled", "order filled"),
    "cancelled": ("info", "order_cancelled", "order cancelled"),
    "expired": ("info", "order_expired", "order expired"),
    "replaced": ("debug", "order_replaced", "order replaced"),
    "rejected": ("warning", "order_rejected", "order rejected"),
    "trade_bust": ("critical", "trade_busted", "a trade was busted, the position was restated"),
    "trade_correct": ("warning", "trade_corrected", "a trade was corrected"),
}


def _labels(service: str, component: str) -> Row:
    return {
        "service": service,
        "component": component,
        "environment": "demo",
        "instance": "demo-1",
    }


def cash(
    deposits: list[tuple[int, int, str]], events: list[Event], prefix: str
) -> list[tuple[str, int, str, int, str]]:
    """Return (event_id, microseconds, kind, amount in units of 1e-8, currency), oldest first.

    `deposits` are (microseconds, units, currency). At the midnight after each UTC day with orders
    there are interest and a data fee: the last one lets portfolio marks run to the end of the
    day. A part of the first deposit is withdrawn with the last order event.
    """
    rows = [(micros, "deposit", units, currency) for micros, units, currency in deposits]
    days = sorted({event["event_time"] // DAY for event in events})
    last = max((event["event_time"] for event in events), default=0)
    for day in days:
        close = (day + 1) * DAY
        paid_in = sum(units for micros, units, _ in deposits if micros <= close)
        currency = [name for micros, _, name in deposits if micros <= close][-1]
        rows.append((close, "interest", paid_in // 10_000, currency))
        rows.append((close, "fee", -25 * 100_000_000, currency))
    if days:
        _, units, currency = deposits[0]
        rows.append((last, "withdrawal", -units // 20, currency))
    rows.sort()
    return [
        (f"{prefix}-cash-{number:04d}", micros, kind, units, currency)
        for number, (micros, kind, units, currency) in enumerate(rows, 1)
    ]


def _latencies(events: list[Event]) -> Iterator[tuple[int, int]]:
    """Yield (minute, microseconds from created to submitted)."""
    created: dict[str, int] = {}
    for event in events:
        if event["event_type"] == "created":
            created[event["order_id"]] = event["event_time"]
        elif event["event_type"] == "submitted":
            yield (
                event["event_time"] // (60 * SECOND),
                event["event_time"] - created[event["order_id"]],
            )


def metrics(prints: list[Prints], events: list[Event]) -> list[Row]:
    """Return a histogram of order latencies and a counter of trades, per minute that had any."""
    rows = []
    by_minute: dict[int, list[int]] = defaultdict(list)
    for minute, micros in _latencies(events):
        by_minute[minute].append(micros)
    for minute, values in by_minute.items():
        p50, p95, p99, p999 = np.quantile(values, [0.5, 0.95, 0.99, 0.999]).round(3).tolist()
        rows.append(
            {
                "timestamp": iso(minute * 60 * SECOND),
                "metric_name": "order_latency_us",
                "metric_type": "histogram",
                "value": round(sum(values) / len(values), 3),
                "labels": _labels("execution_engine", "gateway"),
                "quantiles": {"p50": p50, "p95": p95, "p99": p99, "p999": p999},
            }
        )
    for one in prints:
        minutes, counts = np.unique(one.times // (60 * SECOND), return_counts=True)
        rows += [
            {
                "timestamp": iso(minute * 60 * SECOND),
                "metric_name": "trades_per_minute",
                "metric_type": "counter",
                "value": float(count),
                "labels": _labels("market_data", f"{one.exchange}:{one.symbol}"),
            }
            for minute, count in zip(minutes.tolist(), counts.tolist(), strict=True)
        ]
    return sorted(rows, key=lambda row: str(row["timestamp"]))


def _order_logs(events: list[Event]) -> Iterator[Row]:
    for event in events:
        if event["event_type"] not in _ORDER_LOG:
            continue
        level, name, message = _ORDER_LOG[event["event_type"]]
        yield {
            "timestamp": iso(event["event_time"]),
            "level": level,
            "service": "execution_engine",
            "component": "gateway",
            "message": f"{message}: {event.get('status_message') or event['client_order_id']}",
            "event": name,
            "context": {
                "correlation_id": event["correlation_id"],
                "order_id": event["order_id"],
                "symbol": event["symbol"],
            },
            "data": {"strategy_id": event["strategy_id"], "event_id": event["event_id"]},
        }


def _gap_logs(prints: Prints, gap_seconds: int) -> Iterator[Row]:
    gaps = np.diff(prints.times)
    for at in np.flatnonzero(gaps > gap_seconds * SECOND).tolist():
        yield {
            "timestamp": iso(int(prints.times[at + 1])),
            "level": "error",
            "service": "market_data",
            "component": "feed",
            "message": f"no trade of {prints.symbol} for {int(gaps[at]) // SECOND} s",
            "event": "feed_silent",
            "context": {"symbol": prints.symbol},
            "exception": {
                "type": "FeedTimeoutError",
                "message": f"{prints.exchange} sent no trade of {prints.symbol}",
                "stack_trace": "feed.watch\nfeed.wait_for_trade",
            },
            "source": {"file": "feed.py", "line": 88, "function": "wait_for_trade"},
        }


def logs(prints: list[Prints], events: list[Event], gap_seconds: int) -> list[Row]:
    """Return what services would have logged: ends of orders, and feeds silent for too long."""
    rows = list(_order_logs(events))
    for one in prints:
        rows += _gap_logs(one, gap_seconds)
    return sorted(rows, key=lambda row: str(row["timestamp"]))
