"""Random accounts against fractions, at every row: splits, margin, commission in the asset and in a
third currency, busts, corrections, other currencies; landed shuffled and built in several steps."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import duckdb
import pytest

from .account_model import Account, Instrument, Trade
from .trading_cases import decimal_text
from .trading_model import rounded
from .trading_warehouse import Warehouse

UNIT = 10**8
START = datetime(2024, 3, 4, 9, 0)
HOURS = 50
SEED = 20240304
ES = Instrument("fut", "ES", None, "USD", multiplier=50, margined=True)
YEN = Instrument("fut", "6J", None, "USD", multiplier=12_500_000, margined=True)
BTC = Instrument("coin", "BTCUSDT", "BTC", "USDT")
SAP = Instrument("xetra", "SAP", None, "EUR")
AAPL = Instrument("alpaca", "AAPL", None, "USD")  # not listed: the defaults
LISTED = [ES, YEN, BTC, SAP, Instrument("coin", "BNBUSDT", "BNB", "USDT"),
          Instrument("fx", "EURUSD", "EUR", "USD")]  # fmt: skip
PAIRS = {"BTC": ("coin", "BTCUSDT"), "BNB": ("coin", "BNBUSDT"), "EUR": ("fx", "EURUSD")}
LEVEL = {"ES": 100, "6J": 1, "BTCUSDT": 20000, "SAP": 50, "AAPL": 90, "BNBUSDT": 300, "EURUSD": 1}
CHARGED_IN = {
    "ES": ["USD"],
    "6J": ["USD"],
    "BTCUSDT": ["BTC", "BNB", "USDT"],
    "SAP": ["EUR"],
    "AAPL": ["USD"],
}
# Days begin at midnight in New York; an exchange that is not listed has UTC.
SPLIT_AT = {("alpaca", "AAPL"): ["2024-03-05 05:00", "2024-03-06 05:00"],
            ("xetra", "SAP"): ["2024-03-05 00:00", "2024-03-06 00:00"],
            ("fut", "ES"): ["2024-03-05 00:00"]}  # fmt: skip
RATIOS = [Fraction(2), Fraction(4), Fraction(1, 2), Fraction(3, 2), Fraction(33_333_333, UNIT)]


def near(rng: random.Random, symbol: str) -> Fraction:
    return Fraction(rng.randint(80 * LEVEL[symbol] * 1000, 120 * LEVEL[symbol] * 1000), 100_000)


def random_account(seed: int) -> tuple[Account, dict[str, list[dict[str, Any]]]]:
    """The account as it should be, and the rows that tell of it."""
    rng = random.Random(seed)  # noqa: S311
    rows: dict[str, list[dict[str, Any]]] = {"order_events": [], "market_ticks": []}
    ticks: dict[tuple[str, str], list[tuple[datetime, Fraction]]] = {}
    for instrument in [*LISTED, AAPL]:
        key = (instrument.exchange, instrument.symbol)
        # What is a rate is known before the first fill; other prices come when they come.
        minutes = sorted(rng.sample(range(60 * HOURS), 30))
        if instrument.symbol in ("BNBUSDT", "EURUSD", "BTCUSDT"):
            minutes = [-30, *minutes]
        ticks[key] = [
            (START + timedelta(minutes=m, seconds=rng.randint(0, 59)), near(rng, instrument.symbol))
            for m in minutes
        ]
        rows["market_ticks"] += [
            {"exchange": key[0], "symbol": key[1], "timestamp": str(at), "trade_id": str(number),
             "last_price": decimal_text(int(price * UNIT)), "last_size": "1"}
            for number, (at, price) in enumerate(ticks[key])
        ]  # fmt: skip
    trades = []
    seconds = rng.sample(range(3600 * HOURS), 160)
    for number, second in enumerate(seconds):
        trade = _trade(rng, START + timedelta(seconds=second))
        if _tell(rng, trade, f"o{number}", rows["order_events"]):
            trades.append(trade)
    flows = [(START - timedelta(hours=1), Fraction(1_000_000)),
             (START + timedelta(hours=20, seconds=7), Fraction(-5000)),
             (START + timedelta(hours=30), Fraction("12.34"))]  # fmt: skip
    rows["cash_events"] = [
        {"event_id": f"c{i}", "event_time": str(at), "amount": decimal_text(int(amount * UNIT)),
         "kind": ("deposit", "withdrawal", "dividend")[i]}
        for i, (at, amount) in enumerate(flows)
    ]  # fmt: skip
    splits = {
        key: [(datetime.fromisoformat(at), rng.choice(RATIOS)) for at in times]
        for key, times in SPLIT_AT.items()
    }
    # Twice the same ratio: both count.
    splits["xetra", "SAP"] = [(at, Fraction(5, 2)) for at, _ in splits["xetra", "SAP"]]
    rows["corporate_actions"] = [
        {"exchange": exchange, "symbol": symbol, "ex_date": at.date(),
         "ratio": decimal_text(int(ratio * UNIT))}
        for (exchange, symbol), some in splits.items() for at, ratio in some
    ]  # fmt: skip
    return Account(trades, flows, ticks, splits, PAIRS), rows


def _trade(rng: random.Random, at: datetime) -> Trade:
    instrument = rng.choice([ES, YEN, BTC, SAP, AAPL])
    sign = rng.choice([1, -1])
    size = Fraction(rng.randint(1, 20))
    if instrument is BTC:
        size /= 1000
    currency = rng.choice(CHARGED_IN[instrument.symbol])
    commission = Fraction(rng.randint(-5, 100), {"BTC": 10**6}.get(currency, 100))
    fees = Fraction(rng.randint(0, 9), 100)
    price = near(rng, instrument.symbol)
    strategy = rng.choice(["alpha", "beta"])
    return Trade(at, instrument, strategy, sign * size, price, commission, currency, fees)


def _tell(rng: random.Random, trade: Trade, order: str, events: list[dict[str, Any]]) -> bool:
    """The events of a fill; corrects the trade as they do; whether it counts."""
    size = decimal_text(int(abs(trade.signed) * UNIT))
    fill = {
        "event_id": f"{order}-f", "event_type": "fill", "event_time": str(trade.at),
        "order_id": order, "exchange": trade.instrument.exchange, "quantity": size,
        "symbol": trade.instrument.symbol, "side": "buy" if trade.signed > 0 else "sell",
        "strategy_id": trade.strategy, "trade_id": f"t-{order}", "fill_quantity": size,
        "fill_price": decimal_text(int(trade.price * UNIT)), "exchange_trade_id": f"x-{order}",
        "commission": decimal_text(int(trade.commission * UNIT)),
        "commission_currency": trade.currency, "fees": decimal_text(int(trade.fees * UNIT)),
    }  # fmt: skip
    events.append(fill)
    if rng.random() < 0.3:
        events.append(fill | {"event_id": f"{order}-r", "source": "rest"})
    draw = rng.random()
    later = str(trade.at + timedelta(hours=3))
    change = {key: fill[key] for key in ("order_id", "exchange", "symbol", "side", "quantity")} | {
        "trade_id": f"t-{order}", "event_time": later, "event_id": f"{order}-x",
    }  # fmt: skip
    if draw < 0.1:
        events.append(change | {"event_type": "trade_bust"})
    elif draw < 0.2:
        trade.price += 1
        trade.commission += Fraction(2, 100) if trade.currency != "BTC" else 0
        events.append(
            change | {"event_type": "trade_correct",
                      "fill_price": decimal_text(int(trade.price * UNIT)),
                      "commission": decimal_text(int(trade.commission * UNIT))}
        )  # fmt: skip
    return draw >= 0.1


@pytest.fixture(scope="module")
def account_and_warehouse(tmp_path_factory: pytest.TempPathFactory) -> tuple[Account, Warehouse]:
    account, rows = random_account(SEED)
    rng = random.Random(5)  # noqa: S311
    made = Warehouse(tmp_path_factory.mktemp("accounts"))
    made.dbt("seed")
    with duckdb.connect(str(made.path)) as connection:
        connection.executemany(
            "insert into reference.instruments by name select ? as exchange, ? as symbol,"
            " ? as base_currency, ? as quote_currency, ? as multiplier, ? as margined",
            [(i.exchange, i.symbol, i.base, i.quote, i.multiplier, i.margined) for i in LISTED],
        )
    parts: list[dict[str, list[dict[str, Any]]]] = [{}, {}, {}]
    for table, some in rows.items():
        for row in some:
            rng.choice(parts).setdefault(table, []).append(row)
    for part in parts:
        tables = list(part)
        rng.shuffle(tables)
        for table in tables:
            rng.shuffle(part[table])
            made.land(table, part[table])
        made.dbt("run", "--select", "+marts.trading", "--vars", "{as_of: '2024-03-08 00:00:00'}")
    return account, made


def close(got: Any, expected: Fraction | None, unit: int = 10**8) -> bool:
    if got is None or expected is None:
        return got is None and expected is None
    return abs(Fraction(got) - expected) <= Fraction(1, unit)


def test_every_position_row(account_and_warehouse: tuple[Account, Warehouse]) -> None:
    account, warehouse = account_and_warehouse
    found = warehouse.rows("from positions")
    keys = {(i.exchange, i.symbol, s): (i, s) for i, s in account.keys}
    fills = {(i.exchange, i.symbol, s, t.at) for (i, s), ts in account.keys.items() for t in ts}
    told = {
        (r["exchange"], r["symbol"], r["strategy_id"], r["snapshot_time"])
        for r in found if r["is_fill"]
    }  # fmt: skip
    assert told == fills
    assert len(found) > 300
    for row in found:
        instrument, strategy = keys[row["exchange"], row["symbol"], row["strategy_id"]]
        held = account.held(instrument, strategy, row["snapshot_time"])
        position, multiplier = held.position, instrument.multiplier
        # Conservation of quantity, exact at every step.
        assert Fraction(row["quantity"]) == position.quantity, row
        assert close(row["average_entry_price"], position.average), row
        assert close(row["realized_pnl"], position.realized * multiplier), row
        if not position.quantity:
            assert (row["side"], row["unrealized_pnl"]) == ("flat", 0)
            continue
        value = held.value(multiplier)
        unrealized = None if value is None else value - held.cost(multiplier)
        assert close(row["current_price"], held.price), row
        assert close(row["unrealized_pnl"], unrealized), row


def test_every_mark_is_there(account_and_warehouse: tuple[Account, Warehouse]) -> None:
    account, warehouse = account_and_warehouse
    found = {
        (r["exchange"], r["symbol"], r["strategy_id"], r["snapshot_time"])
        for r in warehouse.rows("from positions where not is_fill")
    }
    # Marks run to the newest landed tick or event, busts and corrections among them.
    _, rows = random_account(SEED)
    newest = datetime.fromisoformat(
        max(
            [row["event_time"] for row in rows["order_events"]]
            + [row["timestamp"] for row in rows["market_ticks"]]
        )
    )
    marks = [START + timedelta(hours=h) for h in range(1, HOURS + 5)]
    for instrument, strategy in account.keys:
        for mark in marks:
            is_open = account.held(instrument, strategy, mark).position.quantity != 0
            at_fill = any(t.at == mark for t in account.keys[instrument, strategy])
            expected = is_open and mark <= newest and not at_fill
            key = (instrument.exchange, instrument.symbol, strategy, mark)
            assert (key in found) == expected, key


def test_every_portfolio_snapshot(account_and_warehouse: tuple[Account, Warehouse]) -> None:
    account, warehouse = account_and_warehouse
    found = warehouse.rows("from portfolio_snapshots order by snapshot_time")
    assert len(found) >= HOURS - 1
    for row in found:
        at = row["snapshot_time"]
        # Conservation of cash, to the cent that is stored.
        assert close(row["cash_balance"], account.cash(at), 199), row
        assert close(row["equity"], account.equity(at), 199), row
        flows = sum(amount for t, amount in account.flows[:2] if t <= at)
        assert row["net_flows"] == rounded(Fraction(flows), 2)
        assert close(row["total_pnl"], account.equity(at) - flows, 199), row


def test_every_trade(account_and_warehouse: tuple[Account, Warehouse]) -> None:
    account, warehouse = account_and_warehouse
    found = {(r["symbol"], r["executed_at"]): r for r in warehouse.rows("from trades")}
    assert len(found) == len(account.trades)
    for trade in account.trades:
        row = found[trade.instrument.symbol, trade.at]
        signed = row["quantity"] if row["side"] == "buy" else -row["quantity"]
        assert Fraction(signed) == trade.signed
        assert Fraction(row["price"]) == trade.price
        assert Fraction(row["commission"]) == trade.commission
    charges = {
        (r["symbol"], r["event_at"]): r
        for r in warehouse.rows("from intermediate.int_fill_commissions")
    }
    for trade in account.trades:
        charge = charges[trade.instrument.symbol, trade.at]
        assert charge["is_converted"]
        assert close(charge["commission"], account.commission(trade), 10**12), charge


def test_every_round_trip(account_and_warehouse: tuple[Account, Warehouse]) -> None:
    account, warehouse = account_and_warehouse
    found = {
        (r["exchange"], r["symbol"], r["strategy_id"], r["opened_at"]): r
        for r in warehouse.rows("from round_trips")
    }
    expected = {
        (i.exchange, i.symbol, strategy, trip.opened_at): trip
        for i, strategy in account.keys
        for trip in account.trips(i, strategy)
    }
    assert len(expected) > 12
    assert found.keys() == expected.keys()
    for key, trip in expected.items():
        row = found[key]
        assert (row["side"], row["closed_at"]) == (trip.side, trip.closed_at), key
        for legs, way in ((trip.entries, "entry"), (trip.exits, "exit")):
            size = sum((quantity for quantity, _ in legs), Fraction(0))
            average = sum(quantity * price for quantity, price in legs) / size
            entered = row["entered_quantity" if way == "entry" else "exited_quantity"]
            assert Fraction(entered) == size, key
            assert close(row[f"average_{way}_price"], average), key
        assert row["fills"] == len(trip.entries) + len(trip.exits)
        assert close(row["realized_pnl"], trip.realized), key
        assert close(row["commission"], trip.commission), key
        assert close(row["fees"], trip.fees), key
        assert close(row["net_pnl"], trip.realized - trip.commission - trip.fees, 10**7), key
