"""Random accounts against fractions, at every row: splits, margin, commission in the asset and in a
third currency, inverse contracts, busts, corrections, other currencies, what comes and goes in
kind, positions of two sides; landed shuffled and built in several steps.
All give their orders, events and executions the same numbers."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import pytest

from .account_model import Account, Cash, Instrument, Trade, Transfer
from .trading_cases import decimal_text
from .trading_warehouse import Warehouse

UNIT = 10**8
START = datetime(2024, 3, 4, 9, 0)
HOURS = 50
SEED = 20240304
NAMES = ("main", "second", "hedged")
SIDES = ("long", "short")
CARRY = ["funding", "dividend", "borrow_fee", "tax"]
ES = Instrument("fut", "ES", None, "USD", multiplier=50, margined=True)
YEN = Instrument("fut", "6J", None, "USD", multiplier=12_500_000, margined=True)
BTC = Instrument("coin", "BTCUSDT", "BTC", "USDT")
SAP = Instrument("xetra", "SAP", None, "EUR")
AAPL = Instrument("alpaca", "AAPL", None, "USD")  # not listed: the defaults
COIN = Instrument("coinm", "BTCUSD_PERP", "BTC", "BTC", 100, margined=True, inverse=True)
TRADED = [ES, YEN, BTC, SAP, AAPL, COIN]
LISTED = [ES, YEN, BTC, SAP, COIN, Instrument("coin", "BNBUSDT", "BNB", "USDT"),
          Instrument("fx", "EURUSD", "EUR", "USD")]  # fmt: skip
PAIRS = {"BTC": ("coin", "BTCUSDT"), "BNB": ("coin", "BNBUSDT"), "EUR": ("fx", "EURUSD")}
LEVEL = {
    "ES": 100,
    "6J": 1,
    "BTCUSDT": 20000,
    "SAP": 50,
    "AAPL": 90,
    "BNBUSDT": 300,
    "EURUSD": 1,
    "BTCUSD_PERP": 20000,
}
CHARGED_IN = {
    "ES": ["USD"],
    "6J": ["USD"],
    "BTCUSDT": ["BTC", "BNB", "USDT"],
    "SAP": ["EUR"],
    "AAPL": ["USD"],
    "BTCUSD_PERP": ["BTC"],
}
# Days begin at midnight in New York; an exchange that is not listed has UTC.
WHOSE = ("account_id", "order_id", "exchange", "symbol", "side", "quantity")
SPLIT_AT = {("alpaca", "AAPL"): ["2024-03-05 05:00", "2024-03-06 05:00"],
            ("xetra", "SAP"): ["2024-03-05 00:00", "2024-03-06 00:00"],
            ("fut", "ES"): ["2024-03-05 00:00"]}  # fmt: skip
RATIOS = [Fraction(2), Fraction(4), Fraction(1, 2), Fraction(3, 2), Fraction(1, 3)]


def near(rng: random.Random, symbol: str) -> Fraction:
    return Fraction(rng.randint(80 * LEVEL[symbol] * 1000, 120 * LEVEL[symbol] * 1000), 100_000)


def random_accounts(seed: int) -> tuple[dict[str, Account], dict[str, list[dict[str, Any]]]]:
    """The accounts as they should be, and the rows that tell of them."""
    rng = random.Random(seed)  # noqa: S311
    rows: dict[str, list[dict[str, Any]]] = {
        "order_events": [],
        "market_ticks": [],
        "cash_events": [],
    }
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
    splits = {
        key: [(datetime.fromisoformat(at), rng.choice(RATIOS)) for at in times]
        for key, times in SPLIT_AT.items()
    }
    # Twice the same ratio: both count.
    splits["xetra", "SAP"] = [(at, Fraction(5, 2)) for at, _ in splits["xetra", "SAP"]]
    # A stock dividend at the instant of a split comes after it.
    dividends = {("alpaca", "AAPL"): Fraction(1, 10), ("fut", "ES"): Fraction(1, 3)}
    rows["corporate_actions"] = [
        {"exchange": exchange, "symbol": symbol, "ex_date": at.date(),
         "ratio": decimal_text(int(ratio * UNIT))}
        for (exchange, symbol), some in splits.items() for at, ratio in some
    ]  # fmt: skip
    for (exchange, symbol), more in dividends.items():
        at, _ = splits[exchange, symbol][0]
        splits[exchange, symbol].insert(1, (at, 1 + more))
        rows["corporate_actions"].append(
            {"exchange": exchange, "symbol": symbol, "ex_date": at.date(),
             "kind": "stock_dividend", "ratio": decimal_text(int(more * UNIT))}
        )  # fmt: skip
    accounts = {}
    for name in NAMES:
        trades = []
        for number, second in enumerate(rng.sample(range(3600 * HOURS), 160)):
            trade = _trade(rng, START + timedelta(seconds=second), name)
            if _tell(rng, trade, name, f"o{number}", rows["order_events"]):
                trades.append(trade)
        flows = [(START - timedelta(hours=1), Fraction(1_000_000)),
                 (START + timedelta(hours=rng.randint(10, 20), seconds=7), Fraction(-5000)),
                 (START + timedelta(hours=30), Fraction("12.34"))]  # fmt: skip
        rows["cash_events"] += [
            {"event_id": f"c{i}", "event_time": str(at), "account_id": name,
             "amount": decimal_text(int(amount * UNIT)),
             "kind": ("deposit", "withdrawal", "interest")[i]}
            for i, (at, amount) in enumerate(flows)
        ]  # fmt: skip
        cash_events = [_cash(rng) for _ in range(40)]
        rows["cash_events"] += [_row(cash, name, i) for i, cash in enumerate(cash_events)]
        transfers = [_transfer(rng, n, name) for n in range(40)]
        rows["order_events"] += [_told(it, name, n) for n, it in enumerate(transfers)]
        accounts[name] = Account(trades, flows, ticks, splits, PAIRS, cash_events, transfers)
    return accounts, rows


def _cash(rng: random.Random) -> Cash:
    """Of an instrument, on a second at which nothing else happens or at the time of a fill."""
    at = START + timedelta(seconds=rng.randint(0, 3600 * HOURS))
    accrued = at - timedelta(seconds=rng.choice([0, 0, 3600, 40_000]))
    instrument = rng.choice(TRADED)
    kind = rng.choice(CARRY * 2 + ["fee", "commission_adjustment"])
    others = (
        ["USD"] if instrument.quote in ("EUR", "BTC") else ["EUR", "BNB"]
    )  # of which there is a pair
    currency = rng.choice([instrument.quote, *others])
    amount = Fraction(rng.randint(-9999, 9999), 100)
    return Cash(at, accrued, instrument, rng.choice([None, None, "alpha"]), kind, amount, currency)


def _transfer(rng: random.Random, number: int, account: str) -> Transfer:
    """At half a second, when nothing else happens; one in two goes out, held or not."""
    at = START + timedelta(seconds=number * 4400 + rng.randint(0, 4000), milliseconds=500)
    instrument = rng.choice(TRADED)
    size = Fraction(rng.randint(1, 20), 1000 if instrument is BTC else 1)
    cost = abs(instrument.cost(near(rng, instrument.symbol))) * size * instrument.multiplier
    cost = Fraction(int(cost * UNIT), UNIT)
    since = at - timedelta(days=rng.choice([0, 0, 1, 400]))
    goes = rng.random() < 0.5
    signed = size * rng.choice([1, -1])
    strategy = rng.choice(["alpha", "beta"])
    if account == "hedged":
        strategy += "/long" if (signed > 0) != goes else "/short"
    return Transfer(
        at, instrument, strategy, signed, None if goes else cost,
        at if goes else since,
    )  # fmt: skip


def _told(transfer: Transfer, account: str, number: int) -> dict[str, Any]:
    """A lot is named by its own side, which is the other one when it goes out."""
    goes, size = transfer.cost is None, decimal_text(int(abs(transfer.signed) * UNIT))
    more = (
        {} if transfer.cost is None else {"transfer_cost": decimal_text(int(transfer.cost * UNIT))}
    )
    if transfer.since != transfer.at:
        more["original_time"] = str(transfer.since)
    return {
        "event_id": f"m{number}", "event_type": "transfer_out" if goes else "transfer_in",
        "event_time": str(transfer.at), "account_id": account, "order_id": f"m{number}",
        "exchange": transfer.instrument.exchange, "symbol": transfer.instrument.symbol,
        "side": "buy" if (transfer.signed > 0) != goes else "sell", "quantity": size,
        **_whose(transfer.strategy), **more,
    }  # fmt: skip


def _row(cash: Cash, account: str, number: int) -> dict[str, Any]:
    return {
        "event_id": f"i{number}", "event_time": str(cash.at), "account_id": account,
        "kind": cash.kind, "amount": decimal_text(int(cash.amount * UNIT)),
        "currency": cash.currency, "exchange": cash.instrument.exchange,
        "symbol": cash.instrument.symbol, "strategy_id": cash.strategy,
        "accrual_time": str(cash.accrued) if cash.accrued != cash.at else None,
    }  # fmt: skip


def _whose(book: str) -> dict[str, str]:
    """The columns that say it: `alpha/long` is the long side of alpha."""
    strategy, _, side = book.partition("/")
    return {"strategy_id": strategy, **({"position_side": side} if side else {})}


def book(row: dict[str, Any]) -> str:
    kept = "" if row["position_side"] == "net" else f"/{row['position_side']}"
    return f"{row['strategy_id']}{kept}"


def _trade(rng: random.Random, at: datetime, account: str) -> Trade:
    instrument = rng.choice(TRADED)
    sign = rng.choice([1, -1])
    size = Fraction(rng.randint(1, 20))
    if instrument is BTC:
        size /= 1000
    currency = rng.choice(CHARGED_IN[instrument.symbol])
    commission = Fraction(rng.randint(-5, 100), {"BTC": 10**6}.get(currency, 100))
    fees = Fraction(rng.randint(0, 9), 100)
    price = near(rng, instrument.symbol)
    strategy = rng.choice(["alpha", "beta"])
    if account == "hedged":
        strategy += f"/{rng.choice(SIDES)}"
    return Trade(at, instrument, strategy, sign * size, price, commission, currency, fees)


def _tell(
    rng: random.Random, trade: Trade, account: str, order: str, events: list[dict[str, Any]]
) -> bool:
    """The events of a fill; corrects the trade as they do; whether it counts."""
    size = decimal_text(int(abs(trade.signed) * UNIT))
    fill = {
        "event_id": f"{order}-f", "event_type": "fill", "event_time": str(trade.at),
        "account_id": account, "order_id": order, "quantity": size,
        "exchange": trade.instrument.exchange,
        "symbol": trade.instrument.symbol, "side": "buy" if trade.signed > 0 else "sell",
        # What an account without hedge mode is told of sides does not count.
        **({"position_side": rng.choice(SIDES)} if account == "second" else {}),
        **_whose(trade.strategy), "trade_id": f"t-{order}", "fill_quantity": size,
        "fill_price": decimal_text(int(trade.price * UNIT)), "exchange_trade_id": f"x-{order}",
        "commission": decimal_text(int(trade.commission * UNIT)),
        "commission_currency": trade.currency, "fees": decimal_text(int(trade.fees * UNIT)),
    }  # fmt: skip
    events.append(fill)
    if rng.random() < 0.3:
        events.append(fill | {"event_id": f"{order}-r", "source": "rest"})
    draw = rng.random()
    later = str(trade.at + timedelta(hours=3))
    change = {key: fill[key] for key in WHOSE} | {
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


def list_instruments(connection: duckdb.DuckDBPyConnection) -> None:
    """Put them into the seed."""
    connection.executemany(
        "insert into reference.instruments by name select ? as exchange, ? as symbol,"
        " ? as base_currency, ? as quote_currency, ? as multiplier, ? as margined,"
        " ? as settle_currency",
        [
            (i.exchange, i.symbol, i.base, "USD" if i.inverse else i.quote, i.multiplier,
             i.margined, i.quote if i.inverse else None)
            for i in LISTED
        ],
    )  # fmt: skip


@pytest.fixture(scope="module")
def accounts_and_warehouse(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, Account], Warehouse]:
    accounts, rows = random_accounts(SEED)
    rng = random.Random(5)  # noqa: S311
    made = Warehouse(tmp_path_factory.mktemp("accounts"))
    made.dbt("seed")
    with duckdb.connect(str(made.path)) as connection:
        list_instruments(connection)
        connection.execute(
            "insert into reference.accounts (account_id, hedge_mode) values ('hedged', true)"
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
    return accounts, made


@pytest.fixture(params=NAMES)
def one(
    request: pytest.FixtureRequest, accounts_and_warehouse: tuple[dict[str, Account], Warehouse]
) -> tuple[str, Account, Warehouse]:
    accounts, warehouse = accounts_and_warehouse
    return request.param, accounts[request.param], warehouse


def close(got: Any, expected: Fraction | None, unit: int = 10**8) -> bool:
    if got is None or expected is None:
        return got is None and expected is None
    return abs(Fraction(got) - expected) <= Fraction(1, unit)


def expected_costs(
    account: Account, instrument: Instrument, strategy: str, row: dict[str, Any]
) -> tuple[Fraction, Fraction, Fraction]:
    """Commission, fees and carry of a position up to a row of it."""
    at = row["snapshot_time"]
    trades = [t for t in account.keys[instrument, strategy] if t.at <= at]
    adjusted = {
        part: account.paid(instrument, strategy, part, at)
        for part in ("commission", "fees", "carry")
    }
    return (
        sum((account.commission(t) for t in trades), Fraction(0)) - adjusted["commission"],
        sum((t.fees for t in trades), Fraction(0)) - adjusted["fees"],
        adjusted["carry"],
    )


def test_every_position_row(one: tuple[str, Account, Warehouse]) -> None:
    name, account, warehouse = one
    found = warehouse.rows("from positions where account_id = ?", [name])
    keys = {(i.exchange, i.symbol, s): (i, s) for i, s in account.keys}
    fills = {(i.exchange, i.symbol, s, t.at) for (i, s), ts in account.keys.items() for t in ts}
    fills |= {
        (t.instrument.exchange, t.instrument.symbol, t.strategy, t.at) for t in account.transfers
    }
    told = {
        (r["exchange"], r["symbol"], book(r), r["snapshot_time"])
        for r in found if r["is_fill"]
    }  # fmt: skip
    assert told == fills
    assert len(found) > 200
    for row in found:
        instrument, strategy = keys[row["exchange"], row["symbol"], book(row)]
        held = account.held(instrument, strategy, row["snapshot_time"])
        position, multiplier = held.position, instrument.multiplier
        # Conservation of quantity, exact at every step.
        assert Fraction(row["quantity"]) == position.quantity, row
        assert close(row["average_entry_price"], instrument.price(position.average)), row
        assert close(row["realized_pnl"], position.realized * multiplier), row
        commission, fees, carry = expected_costs(account, instrument, strategy, row)
        assert close(row["commission"], commission), row
        assert close(row["fees"], fees), row
        assert close(row["carry"], carry), row
        if not position.quantity:
            assert (row["side"], row["unrealized_pnl"]) == ("flat", 0)
            continue
        value = held.value()
        unrealized = None if value is None else value - held.cost()
        assert close(row["current_price"], held.price), row
        assert close(row["unrealized_pnl"], unrealized), row
        if unrealized is not None:
            realized = position.realized * multiplier
            assert close(row["net_pnl"], realized + unrealized - commission - fees + carry), row


def test_every_mark_is_there(one: tuple[str, Account, Warehouse]) -> None:
    name, account, warehouse = one
    found = {
        (r["exchange"], r["symbol"], book(r), r["snapshot_time"])
        for r in warehouse.rows("from positions where account_id = ? and not is_fill", [name])
    }
    # Marks run to the newest landed tick or event, busts and corrections among them.
    _, rows = random_accounts(SEED)
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


def test_what_was_paid_is_in_a_row_from_its_moment_on(
    one: tuple[str, Account, Warehouse],
) -> None:
    """Also of what is flat by then: the newest row of each position says what it has earned."""
    name, account, warehouse = one
    found = warehouse.rows("from positions where account_id = ? order by snapshot_time", [name])
    paid_while_flat = 0
    for cash in account.cash_events:
        owners = [strategy for it, strategy in account.keys if it == cash.instrument]
        for strategy in owners:
            own = [
                row for row in found
                if (row["exchange"], row["symbol"], book(row), row["snapshot_time"] <= cash.at)
                == (cash.instrument.exchange, cash.instrument.symbol, strategy, True)
            ]  # fmt: skip
            at = {"snapshot_time": cash.at}
            commission, fees, carry = expected_costs(account, cash.instrument, strategy, at)
            if not own:
                assert commission == fees == carry == 0
                continue
            assert close(own[-1]["commission"], commission), own[-1]
            assert close(own[-1]["fees"], fees), own[-1]
            assert close(own[-1]["carry"], carry), own[-1]
            is_flat = not own[-1]["quantity"]
            paid_while_flat += is_flat and strategy in account.shares(cash)
    assert name != "hedged" or paid_while_flat


def test_every_account_snapshot(one: tuple[str, Account, Warehouse]) -> None:
    name, account, warehouse = one
    found = warehouse.rows(
        "from account_snapshots where account_id = ? order by snapshot_time", [name]
    )
    assert len(found) >= HOURS - 1
    # What came in kind counts at the rate of its own time (docs/adr/0165).
    brought = [
        (at, worth * account.rate(currency, at)) for at, worth, currency in account.brought()
    ]
    for row in found:
        at = row["snapshot_time"]
        # Conservation of cash, to the cent that is stored.
        assert close(row["cash_balance"], account.cash(at), 199), row
        assert close(row["equity"], account.equity(at), 199), row
        flows = sum(
            (amount for t, amount in [*account.flows[:2], *brought] if t <= at), Fraction(0)
        )
        assert close(row["net_flows"], flows, 199), row
        assert close(row["total_pnl"], account.equity(at) - flows, 199), row


def test_every_currency_gain(one: tuple[str, Account, Warehouse]) -> None:
    name, account, warehouse = one
    found = warehouse.rows(
        "from currency_gains where account_id = ? and hour(snapshot_time) in (0, 9)", [name]
    )
    assert {row["currency"] for row in found} >= {"USD", "USDT", "EUR", "BTC", "BNB"}
    for row in found:
        gain = account.currency_gain(row["currency"], row["snapshot_time"])
        assert close(row["currency_gain"], gain, 10**7), row
    (sums,) = warehouse.rows(
        "select count(*) as n, max(abs(gains.equity - accounts.equity)) as off from (select"
        " snapshot_time, sum(equity) as equity from currency_gains where account_id = $1 group by"
        " all) as gains inner join account_snapshots as accounts using (snapshot_time)"
        " where account_id = $1", [name],
    )  # fmt: skip
    assert sums["n"] >= HOURS - 1
    assert sums["off"] < Decimal("0.0051")


def test_the_portfolio_is_all_accounts(
    accounts_and_warehouse: tuple[dict[str, Account], Warehouse],
) -> None:
    accounts, warehouse = accounts_and_warehouse
    found = warehouse.rows("from portfolio_snapshots order by snapshot_time")
    assert len(found) >= HOURS - 1
    for row in found:
        at = row["snapshot_time"]
        assert close(row["equity"], sum(a.equity(at) for a in accounts.values()), 199), row
        assert close(row["cash_balance"], sum(a.cash(at) for a in accounts.values()), 199), row
    (summed,) = warehouse.rows(
        "select count(*) as n from portfolio_snapshots as total inner join (select snapshot_time,"
        " snapshot_type, sum(buying_power) as buying_power, sum(margin_used) as margin_used,"
        " sum(total_positions) as total_positions from account_snapshots group by all) as own"
        " using (snapshot_time, snapshot_type) where abs(total.buying_power - own.buying_power)"
        " < 0.02 and abs(total.margin_used - own.margin_used) < 0.02"
        " and total.total_positions = own.total_positions"
    )
    assert summed["n"] == len(found)


def test_no_return_comes_of_what_comes_in_kind(one: tuple[str, Account, Warehouse]) -> None:
    """The day's profit is without it, so it is in no return: daily profits add up to the total."""
    name, account, warehouse = one
    (found,) = warehouse.rows(
        "select sum(daily_pnl) as daily, arg_max(total_pnl, snapshot_time) as total"
        " from account_snapshots where account_id = ? and snapshot_type = 'eod'", [name],
    )  # fmt: skip
    assert abs(found["daily"] - found["total"]) < Decimal("0.1")
    assert sum(abs(worth) for _, worth, _ in account.brought()) > 1000


def test_every_trade(one: tuple[str, Account, Warehouse]) -> None:
    name, account, warehouse = one
    found = {
        (r["symbol"], r["executed_at"]): r
        for r in warehouse.rows("from trades where account_id = ?", [name])
    }
    assert len(found) == len(account.trades)
    for trade in account.trades:
        row = found[trade.instrument.symbol, trade.at]
        signed = row["quantity"] if row["side"] == "buy" else -row["quantity"]
        assert Fraction(signed) == trade.signed
        assert Fraction(row["price"]) == trade.price
        assert Fraction(row["commission"]) == trade.commission
    charges = {
        (r["symbol"], r["event_at"]): r
        for r in warehouse.rows(
            "from intermediate.int_fill_commissions where account_id = ?", [name]
        )
    }
    for trade in account.trades:
        charge = charges[trade.instrument.symbol, trade.at]
        assert charge["is_converted"]
        assert close(charge["commission"], account.commission(trade), 10**12), charge


def test_every_round_trip(one: tuple[str, Account, Warehouse]) -> None:
    name, account, warehouse = one
    found = {
        (r["exchange"], r["symbol"], book(r), r["opened_at"]): r
        for r in warehouse.rows("from round_trips where account_id = ?", [name])
    }
    expected = {
        (i.exchange, i.symbol, strategy, trip.opened_at): trip
        for i, strategy in account.keys
        for trip in account.trips(i, strategy)
    }
    key_of = {
        (i.exchange, i.symbol, strategy, trip.opened_at): i
        for i, strategy in account.keys
        for trip in account.trips(i, strategy)
    }
    assert len(expected) >= 10
    assert found.keys() == expected.keys()
    for key, trip in expected.items():
        row = found[key]
        assert (row["side"], row["closed_at"]) == (trip.side, trip.closed_at), key
        for legs, way in ((trip.entries, "entry"), (trip.exits, "exit")):
            size = sum((quantity for quantity, _ in legs), Fraction(0))
            cost = sum(quantity * key_of[key].cost(price) for quantity, price in legs)
            average = key_of[key].price(cost / size)
            entered = row["entered_quantity" if way == "entry" else "exited_quantity"]
            assert Fraction(entered) == size, key
            assert close(row[f"average_{way}_price"], average), key
        assert row["fills"] == trip.fills
        assert close(row["realized_pnl"], trip.realized), key
        assert close(row["commission"], trip.commission), key
        assert close(row["fees"], trip.fees), key
        assert close(row["carry"], trip.carry), key
        net = trip.realized - trip.commission - trip.fees + trip.carry
        assert close(row["net_pnl"], net, 10**7), key
    assert any(trip.carry for trip in expected.values())


def test_the_tests_of_a_build_hold(
    accounts_and_warehouse: tuple[dict[str, Account], Warehouse],
) -> None:
    """Accounts share the ids of orders, fills and cash."""
    _, warehouse = accounts_and_warehouse
    done = warehouse.dbt(
        *("test", "--select", "stg_cash_events", "intermediate.trading", "marts.trading"),
        *("--exclude", "names_differ_by_more_than_case"),  # it asks the chain of ticks too
        *("--exclude-resource-type", "unit_test"),
    )
    assert "unique_combination_of_columns_stg_cash_events" in done.stdout
