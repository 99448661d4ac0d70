"""From events to P&L: the built tables against fractions, and against other builds of them."""

import random
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from .trading_cases import Case, Fill
from .trading_model import Position, rounded
from .trading_warehouse import Warehouse

DEPOSIT = {"event_id": "deposit", "event_time": "2024-01-02 08:30:00", "amount": "1000000"}
LATE_FEE = {
    "event_id": "fee", "event_time": "2024-01-02 20:00:00", "amount": "-12.5", "kind": "fee",
}  # fmt: skip
SECOND_DEPOSIT = {"event_id": "d2", "event_time": "2024-01-02 13:13:13", "amount": "5000"}


@pytest.fixture(scope="session")
def at_once(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("at_once"))
    warehouse.land("market_ticks", [tick for case in cases for tick in case.ticks])
    warehouse.land("cash_events", [DEPOSIT, LATE_FEE, SECOND_DEPOSIT])
    warehouse.land("order_events", [event for case in cases for event in case.events])
    warehouse.build()
    return warehouse


@pytest.fixture(scope="session")
def bit_by_bit(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The same rows in another order, in four builds; some events twice."""
    rng = random.Random(7)  # noqa: S311
    warehouse = Warehouse(tmp_path_factory.mktemp("bit_by_bit"))
    events = [event for case in cases for event in case.events]
    ticks = [tick for case in cases for tick in case.ticks]
    rng.shuffle(events)
    rng.shuffle(ticks)
    cash = [SECOND_DEPOSIT, LATE_FEE, DEPOSIT]
    for part in range(4):
        warehouse.land("order_events", events[part::4] + events[:9])
        warehouse.land("market_ticks", ticks[part::4])
        if part < len(cash):
            warehouse.land("cash_events", [cash[part]])
        warehouse.build()
    return warehouse


@pytest.fixture(scope="session")
def killed(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The same rows in two parts; the first build and those of the second part die on the way."""
    rng = random.Random(11)  # noqa: S311
    warehouse = Warehouse(tmp_path_factory.mktemp("killed"))
    events = [event for case in cases for event in case.events]
    rng.shuffle(events)
    warehouse.land("order_events", events[::2])
    warehouse.land("market_ticks", [tick for case in cases for tick in case.ticks])
    warehouse.land("cash_events", [DEPOSIT, LATE_FEE])
    warehouse.kill_build("int_position_states", rng.uniform(0, 0.1))
    warehouse.build()
    warehouse.land("order_events", events[1::2])
    warehouse.land("cash_events", [SECOND_DEPOSIT])
    for model in ("int_fills", "int_position_valuations", "portfolio_snapshots_warm"):
        warehouse.kill_build(model, rng.uniform(0, 0.1))
    warehouse.build()
    return warehouse


KEYS = {
    "orders": "* exclude (filled_at)",
    "trades": "* exclude (reported_at)",
    "positions": "*",
    "current_positions": "*",
    "round_trips": "*",
    "portfolio_snapshots": "*",
}


@pytest.mark.parametrize("table", KEYS)
def test_any_order_and_any_split_into_builds(
    table: str, at_once: Warehouse, bit_by_bit: Warehouse
) -> None:
    query = f"select {KEYS[table]} from {table} order by all"
    expected, got = at_once.rows(query), bit_by_bit.rows(query)
    assert len(expected) > 20
    assert got == expected


@pytest.mark.parametrize("table", KEYS)
def test_killed_builds_leave_no_trace(table: str, at_once: Warehouse, killed: Warehouse) -> None:
    query = f"select {KEYS[table]} from {table} order by all"
    assert killed.rows(query) == at_once.rows(query)


def keyed(cases: list[Case]) -> dict[tuple[str, str, str], list[Fill]]:
    keys: dict[tuple[str, str, str], list[Fill]] = defaultdict(list)
    for case in cases:
        for fill in case.fills:
            keys[case.exchange, case.symbol, fill.strategy].append(fill)
    return keys


def test_order_status_and_fills(at_once: Warehouse, cases: list[Case]) -> None:
    orders = {
        (r["exchange"], r["symbol"], r["source_order_id"]): r
        for r in at_once.rows("select * from orders")
    }
    expected = {
        (c.exchange, c.symbol, order): (status, c)
        for c in cases
        for order, status in c.status.items()
    }
    assert orders.keys() == expected.keys()
    for key, (status, case) in expected.items():
        fills = [f for f in case.fills if f.order_id == key[2]]
        filled = sum((abs(f.signed) for f in fills), Fraction(0))
        assert orders[key]["status"] == status, key
        assert orders[key]["filled_quantity"] == rounded(filled)
        if filled:
            average = sum(abs(f.signed) * f.price for f in fills) / filled
            assert orders[key]["average_fill_price"] == rounded(average, 10)


def test_positions_and_trades_agree_with_fractions(at_once: Warehouse, cases: list[Case]) -> None:
    trades = {
        (r["exchange"], r["symbol"], r["source_order_id"], r["source_trade_id"]): r
        for r in at_once.rows("from trades")
    }
    rows: dict[Any, dict[Any, Any]] = defaultdict(dict)
    for row in at_once.rows("select * from positions where is_fill"):
        rows[row["exchange"], row["symbol"], row["strategy_id"]][row["snapshot_time"]] = row
    expected_keys = keyed(cases)
    assert rows.keys() == expected_keys.keys()
    assert len(trades) == sum(len(fills) for fills in expected_keys.values())
    for key, fills in expected_keys.items():
        position, states = Position(), {}
        for fill in sorted(fills, key=lambda f: (f.at, f.number)):
            position.fill(fill.signed, fill.price)
            states[fill.at] = (position.quantity, position.average, position.realized)
            trade = trades[key[0], key[1], fill.order_id, f"t{fill.number}"]
            close(trade["realized_pnl"], position.own)
        assert rows[key].keys() == states.keys()
        for at, (quantity, average, realized) in states.items():
            row = rows[key][at]
            assert Fraction(row["quantity"]) == quantity
            close(row["average_entry_price"], average)
            close(row["realized_pnl"], realized)
            close(row["total_cost_basis"], abs(quantity) * average)
            assert row["side"] == ("long" if quantity > 0 else "short" if quantity else "flat")


def close(got: Decimal | None, expected: Fraction | None) -> None:
    assert (got is None) == (expected is None), (got, expected)
    if got is not None and expected is not None:
        assert abs(Fraction(got) - expected) <= Fraction(1, 10**8), (got, expected)


def test_the_last_snapshot_conserves_cash(at_once: Warehouse, cases: list[Case]) -> None:
    (last,) = at_once.rows(
        "select * from portfolio_snapshots where snapshot_type = 'intraday'"
        " order by snapshot_time desc limit 1"
    )
    fills = [f for case in cases for f in case.fills if f.at <= last["snapshot_time"]]
    flows = Fraction(1_005_000)
    cash = flows - Fraction("12.5") - sum(f.signed * f.price + f.commission for f in fills)
    assert last["cash_balance"] == rounded(cash, 2)
    prices: dict[tuple[str, str], Fraction] = {}
    for case in cases:
        for tick in case.ticks:
            minute_end = tick["timestamp"][:16]
            if minute_end < str(last["snapshot_time"])[:16]:
                prices[case.exchange, case.symbol] = Fraction(tick["last_price"])
    equity, unpriced = cash, 0
    for (exchange, symbol, _), some in keyed(cases).items():
        position = Position()
        for fill in some:
            if fill.at <= last["snapshot_time"]:
                position.fill(fill.signed, fill.price)
        price = prices.get((exchange, symbol), position.average)
        unpriced += (exchange, symbol) not in prices and position.quantity != 0
        equity += position.quantity * price
    assert last["equity"] == rounded(equity, 2)
    assert last["total_pnl"] == rounded(equity - flows, 2)
    assert f'"unpriced_positions":{unpriced}' in last["metadata"]
