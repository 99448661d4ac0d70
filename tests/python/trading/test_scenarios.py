"""Special instruments and currencies, worked out by hand; and the published sequences."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from .trading_warehouse import Warehouse, utc

DATA = Path(__file__).parent / "data"
# exchange, symbol, asset_class, base, quote, bar_price, multiplier, margined, price_exchange
INSTRUMENTS = [
    ("fut", "ES", "future", None, "USD", None, "50", True, None),
    ("coin", "BTCUSDT", "crypto", "BTC", "USDT", None, "1", False, None),
    ("coin", "ETHUSDT", "crypto", "ETH", "USDT", None, "1", False, None),
    ("coin", "BNBUSDT", "crypto", "BNB", "USDT", None, "1", False, None),
]


def fill(order: str, at: str, side: str, size: str, price: str, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"{order}-fill", "event_type": "fill", "event_time": f"2024-03-04 {at}",
        "order_id": order, "side": side, "quantity": size, "trade_id": f"t-{order}",
        "fill_quantity": size, "fill_price": price, **more,
    }  # fmt: skip


def created(order: str, at: str, side: str, size: str, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"{order}-new", "event_type": "created", "event_time": f"2024-03-04 {at}",
        "order_id": order, "side": side, "quantity": size, **more,
    }  # fmt: skip


def tick(exchange: str, symbol: str, at: str, price: str) -> dict[str, Any]:
    return {
        "exchange": exchange, "symbol": symbol, "timestamp": f"2024-03-04 {at}",
        "last_price": price, "last_size": "1", "trade_id": at.replace(":", ""),
    }  # fmt: skip


def sequences() -> list[dict[str, Any]]:
    events = []
    for name in ("lean_cash_fills_expected.csv", "barter_position_sequences.csv"):
        with (DATA / name).open() as file:
            for row in csv.DictReader(file):
                order = f"{row['symbol']}-{row['trade_id']}"
                events.append(
                    fill(order, "00:00", row["side"].lower(), row["quantity"], row["price"])
                    | {
                        "exchange": "published",
                        "symbol": row["symbol"],
                        "event_time": utc(row["executed_at"]),
                        "commission": row["commission"],
                        "trade_id": row["trade_id"],
                    }
                )
    return events


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = Warehouse(tmp_path_factory.mktemp("scenarios"))
    made.dbt("seed")
    with duckdb.connect(str(made.path)) as connection:
        connection.executemany(
            "insert into reference.instruments values (?, ?, ?, ?, ?, ?, ?, ?, ?)", INSTRUMENTS
        )
    future = {"exchange": "fut", "symbol": "ES"}
    made.land(
        "market_ticks",
        [
            tick("fut", "ES", "09:00:10", "120"),
            tick("coin", "BNBUSDT", "09:00:10", "300"),
            tick("coin", "BTCUSDT", "10:30:00", "21000"),
            tick("alpaca", "AAPL", "09:00:10", "100"),
            tick("alpaca", "AAPL", "12:00:10", "55"),
        ],
    )
    made.land(
        "cash_events",
        [
            {"event_id": "c1", "event_time": "2024-03-04 08:00:00", "amount": "100000"},
            {"event_id": "c2", "event_time": "2024-03-04 09:30:00", "amount": "7.25",
             "kind": "dividend"},
            {"event_id": "c3", "event_time": "2024-03-04 09:40:00", "amount": "-2.25",
             "kind": "funding"},
        ],
    )  # fmt: skip
    made.land(
        "order_events",
        [
            fill("es1", "09:10:00", "buy", "2", "100", **future),
            fill("es2", "09:20:00", "sell", "1", "110", **future),
            fill("btc", "09:30:00", "buy", "1", "20000", exchange="coin", symbol="BTCUSDT",
                 commission="0.001", commission_currency="BTC"),
            fill("eth", "09:30:00", "buy", "2", "1000", exchange="coin", symbol="ETHUSDT",
                 commission="0.01", commission_currency="BNB"),
            fill("xyz", "09:30:00", "sell", "10", "5", symbol="XYZ",
                 commission="1", commission_currency="CHF"),
            created("aapl", "09:05:00", "buy", "10", strategy_id="momentum"),
            fill("aapl", "09:06:00", "buy", "10", "90"),
            fill("aapl2", "11:00:00", "sell", "5", "60", strategy_id="momentum"),
            created("life", "09:30:00", "buy", "100", symbol="LIFE", price="150"),
            created("life", "09:30:01", "buy", "100", symbol="LIFE", price="150")
            | {"event_id": "life-sub", "event_type": "submitted"},
            fill("life", "09:30:02", "buy", "100", "150.50", symbol="LIFE"),
            *sequences(),
        ],
    )  # fmt: skip
    made.dbt(
        "build", "--exclude-resource-type", "unit_test", "seed",
        "--select", "+marts.market", "+marts.trading", "snapshots", "path:tests/invariants",
        "--vars", json.dumps({"as_of": "2024-03-05 00:00:00"}),
    )  # fmt: skip
    return made


def position(warehouse: Warehouse, symbol: str, at: str = "2024-03-04 12:00:00") -> dict[str, Any]:
    (row,) = warehouse.rows(
        "select * from positions where symbol = ? and snapshot_time <= ?::timestamp"
        " order by snapshot_time desc limit 1",
        [symbol, at],
    )
    return row


def test_margined_instrument(warehouse: Warehouse) -> None:
    row = position(warehouse, "ES")
    assert (row["quantity"], row["average_entry_price"]) == (1, 100)
    assert row["realized_pnl"] == 500  # (110 - 100) * 1 * 50
    assert row["market_value"] == 6000  # 120 * 50
    assert row["unrealized_pnl"] == 1000
    assert row["unrealized_pnl_pct"] == 20


def test_base_asset_commission_reduces_what_is_held(warehouse: Warehouse) -> None:
    row = position(warehouse, "BTCUSDT")
    assert row["quantity"] == Decimal("0.999")
    assert row["average_entry_price"] == 20000
    assert row["unrealized_pnl"] == 999
    (charge,) = warehouse.rows("from intermediate.int_fill_charges where symbol = 'BTCUSDT'")
    assert charge["commission"] == 20


def test_third_currency_commission(warehouse: Warehouse) -> None:
    charges = {r["symbol"]: r for r in warehouse.rows("from intermediate.int_fill_charges")}
    assert (charges["ETHUSDT"]["commission"], charges["ETHUSDT"]["commission_currency"]) == (
        3, "USDT",
    )  # fmt: skip
    assert (charges["XYZ"]["commission"], charges["XYZ"]["commission_currency"]) == (1, "CHF")


def test_without_a_price_unrealised_is_unknown(warehouse: Warehouse) -> None:
    row = position(warehouse, "XYZ")
    assert (row["quantity"], row["current_price"], row["unrealized_pnl"]) == (-10, None, None)


def test_a_fill_belongs_to_the_strategy_of_its_order(warehouse: Warehouse) -> None:
    rows = warehouse.rows("select * from positions where symbol = 'AAPL' and is_fill order by 1")
    assert {row["strategy_id"] for row in rows} == {"momentum"}
    last = position(warehouse, "AAPL")
    assert (last["quantity"], last["realized_pnl"]) == (5, -150)
    # 100 at 09:06 makes +100; 60 * 5 sold, 100 * 5 held: -150 + 50; the fall is 200 of cost 900.
    assert (last["max_drawdown"], last["max_drawdown_pct"]) == (200, Decimal("22.2222"))


def test_the_portfolio_adds_up_by_hand(warehouse: Warehouse) -> None:
    (row,) = warehouse.rows(
        "from portfolio_snapshots where snapshot_type = 'intraday'"
        " and snapshot_time = '2024-03-04 12:00:00'"
    )
    published = Decimal("-50")  # lean: realised on what was bought and sold flat
    commission_of_published = Decimal("155")
    barter = Decimal(0)
    for name in ("barter_position_sequences.csv",):
        with (DATA / name).open() as file:
            for entry in csv.DictReader(file):
                signed = Decimal(entry["quantity"]) * (1 if entry["side"].lower() == "buy" else -1)
                barter -= signed * Decimal(entry["price"])
        with (DATA / name).open() as file:
            commission_of_published = sum(
                (Decimal(entry["commission"]) for entry in csv.DictReader(file)), Decimal(0)
            )
    # Dividend and funding, ES realised, BTC, ETH and its 3 USDT, XYZ short, AAPL bought and sold,
    # LIFE.
    cash = (
        100000 + Decimal("7.25") - Decimal("2.25") + 500 - 20000 - 2000 - 3 + 50 - 900 + 300 - 15050
        + published + barter - commission_of_published
    )  # fmt: skip
    assert row["cash_balance"] == cash
    assert row["net_flows"] == 100000
    metadata = json.loads(row["metadata"])
    assert metadata["unconverted_currencies"] == ["CHF"]
    assert row["other_cash"] == 5


def test_published_sequences_through_the_whole_chain(warehouse: Warehouse) -> None:
    checked = 0
    for name in ("lean_cash_fills_expected.csv", "barter_position_sequences.csv"):
        with (DATA / name).open() as file:
            for expected in csv.DictReader(file):
                (row,) = warehouse.rows(
                    "select * from positions where exchange = 'published' and symbol = ?"
                    " and snapshot_time = ? and is_fill",
                    [expected["symbol"], utc(expected["executed_at"])],
                )
                for column, names in {
                    "quantity": ("position_qty", "exp_position_qty"),
                    "average_entry_price": ("avg_entry_price", "exp_avg_entry"),
                    "realized_pnl": ("cum_gross_realized", "exp_cum_gross"),
                }.items():
                    text = next((expected[n] for n in names if expected.get(n)), None)
                    if text:
                        assert row[column] == Decimal(text), (expected, column)
                        checked += 1
    assert checked >= 60


def test_order_lifecycle(warehouse: Warehouse) -> None:
    """The specification's integration test: created, submitted, filled, and a position."""
    (order,) = warehouse.rows("from orders where symbol = 'LIFE'")
    (trade,) = warehouse.rows("from trades where symbol = 'LIFE'")
    held = position(warehouse, "LIFE")
    assert (order["status"], order["filled_quantity"]) == ("filled", 100)
    assert order["created_at"] == utc("2024-03-04 09:30:00")
    assert order["submitted_at"] == utc("2024-03-04 09:30:01")
    assert order["filled_at"] == utc("2024-03-04 09:30:02")
    assert order["average_fill_price"] == Decimal("150.5")
    assert (trade["order_id"], trade["correlation_id"]) == (
        order["order_id"], order["correlation_id"],
    )  # fmt: skip
    assert (held["quantity"], held["average_entry_price"]) == (100, Decimal("150.5"))


def test_a_second_snapshot_changes_nothing(warehouse: Warehouse) -> None:
    tables = ("orders_history", "current_positions_history")
    warehouse.dbt("snapshot")
    before = [warehouse.rows(f"from snapshots.{table} order by all") for table in tables]
    warehouse.dbt("snapshot")
    assert [warehouse.rows(f"from snapshots.{table} order by all") for table in tables] == before
    assert all(before)


def test_a_restated_bar_a_split_and_a_manual_snapshot(warehouse: Warehouse) -> None:
    """Runs last: it changes the warehouse."""
    taken = warehouse.dbt("run-operation", "take_portfolio_snapshot").stdout
    assert "Took a portfolio snapshot of 2024-03-04 12:00:10 UTC." in taken
    manual = "select * from portfolio_snapshots where snapshot_type = 'manual'"
    (before,) = warehouse.rows(manual)
    warehouse.land("market_ticks", [tick("fut", "ES", "09:00:40", "121")])
    warehouse.land("corporate_actions", [{"ex_date": "2024-03-05", "ratio": "2"}])
    later = tick("fut", "ES", "09:00:40", "121") | {"timestamp": "2024-03-05 06:00:00"}
    warehouse.land("market_ticks", [later])
    warehouse.build("seed")
    assert position(warehouse, "ES")["unrealized_pnl"] == 1050  # 21 * 50
    # AAPL splits at midnight in New York, 05:00 UTC; its last price is of the old shares.
    old = position(warehouse, "AAPL", "2024-03-05 04:00:00")
    new = position(warehouse, "AAPL", "2024-03-05 06:00:00")
    assert (old["quantity"], old["current_price"], old["market_value"]) == (5, 55, 275)
    assert (new["quantity"], new["average_entry_price"]) == (10, 45)
    assert (new["current_price"], new["market_value"]) == (Decimal("27.5"), 275)
    assert new["realized_pnl"] == old["realized_pnl"]
    (after,) = warehouse.rows(manual)
    assert after["equity"] - before["equity"] == 50
    assert after["snapshot_time"] == before["snapshot_time"]
