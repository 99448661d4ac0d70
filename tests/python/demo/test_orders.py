import gzip
import json
from decimal import Decimal
from itertools import pairwise

import polars as pl
import pytest

from tools.demo.simulator import write_all

from .conftest import PLAN
from .order_checks import ENDS, check_lives, positions


@pytest.fixture(scope="module")
def events(demo_files):
    return pl.read_parquet(demo_files["orders"]).to_dicts()


def test_orders_live_and_end_as_orders_do(events):
    check_lives(events)
    kinds = {event["event_type"] for event in events}
    assert kinds == ENDS | {
        "created",
        "submitted",
        "replaced",
        "partial_fill",
        "trade_bust",
        "trade_correct",
    }
    assert {event["order_type"] for event in events} == {"market", "limit", "stop"}
    assert sum(event["event_type"] == "created" for event in events) == PLAN.orders
    assert any(event["commission"] and event["commission"] < 0 for event in events)


def test_event_order_and_client_ids_are_unique(events):
    assert len({event["event_id"] for event in events}) == len(events)
    orders = {(event["order_id"], event["client_order_id"]) for event in events}
    assert len(orders) == PLAN.orders
    assert len({client for _, client in orders}) == PLAN.orders


def test_positions_turn_from_long_to_short(events):
    runs = positions(events)
    assert len({strategy for strategy, _ in runs}) == 2
    turns = [a > 0 > b for run in runs.values() for a, b in pairwise(run)]
    assert any(turns)


def test_every_fill_has_a_price_that_was_printed_then_or_just_before(events, demo_files):
    ticks = pl.concat([pl.read_parquet(path) for path in demo_files["ticks"]])
    trades = ticks.filter((pl.col("kind") == "trade") & (pl.col("last_size") > 0))
    printed: dict[tuple[str, Decimal], list] = {}
    for symbol, moment, price in trades.select("symbol", "timestamp", "last_price").iter_rows():
        printed.setdefault((symbol, price), []).append(moment)
    fills = [e for e in events if e["event_type"] in {"fill", "partial_fill"}]
    assert len(fills) > PLAN.orders
    for fill in fills:
        moments = printed[fill["symbol"], fill["fill_price"]]
        assert any(moment <= fill["event_time"] for moment in moments)
        exact = fill["event_time"] in moments
        assert exact or fill["order_type"] in {"market", "stop"}


def read_ndjson(path):
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_cash_metrics_and_logs_go_with_the_orders(events, demo_files):
    cash = pl.read_parquet(demo_files["cash"])
    assert cash["event_id"].is_unique().all()
    assert cash.sort("event_time")["kind"][0] == "deposit"
    assert set(cash["kind"]) == {"deposit", "withdrawal", "interest", "fee"}
    metrics = read_ndjson(demo_files["metrics"][0])
    keys = [(m["timestamp"], m["metric_name"], json.dumps(m["labels"])) for m in metrics]
    assert len(set(keys)) == len(keys)
    logs = read_ndjson(demo_files["logs"][0])
    rejected = sum(event["event_type"] == "rejected" for event in events)
    assert sum(log["event"] == "order_rejected" for log in logs) == rejected > 0


def test_the_same_seed_gives_the_same_bytes(tmp_path, demo_files):
    for kind, path in write_all(tmp_path, PLAN):
        assert path.read_bytes() in [first.read_bytes() for first in demo_files[kind]]


def test_very_few_prints_make_few_orders_but_no_error(tmp_path):
    tiny = type(PLAN)(rows=3, symbols=1, days=1, seed=1)
    files = dict(write_all(tmp_path, tiny))
    assert pl.read_parquet(files["orders"]).height == 0
