"""Corporate actions besides splits, against fractions: positions, trips, lots and marks; landed
late and corrected, and built in parts."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
from testkit import register_cold_file

from python_ingest import schema
from python_ingest.landing.land import land_files
from python_ingest.settings import load_settings

from .action_model import Action, Desk, Fill
from .trading_cases import decimal_text
from .trading_warehouse import Warehouse

UNIT = 10**8
START = datetime(2024, 3, 4, 9)
METHODS = {"fifo": "fifo", "lifo": "lifo", "hifo": "hifo", "average": "average"}
ACCOUNTS = ("main", *METHODS)
RUN = ("run", "--select", "+marts.trading", "--vars", "{as_of: '2024-03-09 00:00:00'}")
MARTS = ("orders", "trades", "positions", "current_positions", "round_trips", "lots",
         "lot_closures", "account_snapshots", "portfolio_snapshots")  # fmt: skip
RATIOS = [Fraction(2), Fraction(1, 10), Fraction(3, 2), Fraction(1, 3)]
DIVIDENDS = [Fraction(1, 20), Fraction(1, 3)]
WORLDS = 10  # each of symbols of its own: A, which is called B one day and C another


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2024, 3, 4) + timedelta(days=number, hours=hour)


def random_world(rng: random.Random, number: int) -> tuple[list[Fill], list[Action]]:
    """Fills under the symbol of their day; some of the former one, which another has then."""
    a, b, c = (f"W{number}{letter}" for letter in "ABC")
    fills = []
    for second in sorted(rng.sample(range(3600 * 80), 60)):
        at = START + timedelta(seconds=second)
        named = a if at < day(1) else b if at < day(2) else c
        symbol = a if at > day(1) and rng.random() < 0.1 else named
        fills.append(
            Fill(at, rng.choice(ACCOUNTS), symbol, rng.choice(["alpha", "beta"]),
                 Fraction(rng.randint(1, 30) * rng.choice([1, 1, -1])),
                 Fraction(rng.randint(500, 5000), 100))
        )  # fmt: skip
    actions = [
        Action(day(1), "symbol_change", a, new_symbol=b),
        Action(day(2), "symbol_change", b, new_symbol=c),
    ]
    if rng.random() < 0.6:  # of the instant of a change: before it, so of the former symbol
        actions.append(Action(day(1), "split", a, rng.choice(RATIOS)))
    if rng.random() < 0.6:
        actions.append(Action(day(1), "stock_dividend", a, rng.choice(DIVIDENDS)))
    if rng.random() < 0.6:
        actions.append(Action(day(3), "split", c, rng.choice(RATIOS)))
    if rng.random() < 0.8:  # of what the split of the instant left, or of the former symbol's
        at, symbol = rng.choice([(day(1), b), (day(3), c)])
        price = Fraction(rng.randint(500, 5000), 100)
        actions.append(Action(at, "cash_in_lieu", symbol, cash_amount=price))
    if rng.random() < 0.8:  # of B on the day of its change, so of what becomes C; D trades on
        ratio, share = rng.choice([Fraction(1, 2), Fraction(2)]), Fraction(rng.randint(0, 10), 10)
        actions.append(Action(day(2), "spin_off", b, ratio, f"W{number}D", cost_share=share))
        if rng.random() < 0.5:  # another one, which takes its share of what that one left
            actions.append(replace(actions[-1], new_symbol=f"W{number}E", cost_share=share / 2))
        sold = [fill for fill in fills if fill.at > day(2) and fill.symbol == c][::3]
        fills += [replace(fill, at=fill.at + timedelta(milliseconds=1), symbol=f"W{number}D")
                  for fill in sold]  # fmt: skip
    return fills, actions


# One that is marked: bought as FB, sold as META. The newest tick of FB lands last.
MARKED = [
    Fill(day(0) + timedelta(hours=10), "marked", "FB", "alpha", Fraction(10), Fraction(100)),
    Fill(day(2) + timedelta(hours=10), "marked", "META", "alpha", Fraction(-10), Fraction(140)),
]
RENAMED = Action(day(1), "symbol_change", "FB", new_symbol="META")
# The new symbol is held already: two trips become one; and a short, which the old one closes.
HELD = [
    Fill(day(0, 10), "held", "OPA", "alpha", Fraction(100), Fraction(10)),
    Fill(day(0, 11), "held", "OPA", "alpha", Fraction(-40), Fraction(12)),
    Fill(day(0, 12), "held", "OPB", "alpha", Fraction(1), Fraction(10)),
    Fill(day(0, 12), "held", "OPB", "short", Fraction(-1), Fraction(10)),
    Fill(day(0, 13), "held", "OPA", "short", Fraction(3), Fraction(10)),
    Fill(day(1, 15), "held", "OPB", "alpha", Fraction(-61), Fraction(11)),
    Fill(day(1, 15), "held", "OPB", "short", Fraction(-2), Fraction(11)),
]
TAKEN_OVER = Action(day(1), "symbol_change", "OPA", new_symbol="OPB")
# What is wrong with them is told: two ratios, a split of the symbol that comes only then, and cash
# for a fraction of the one that has gone. One is told by mistake.
DISPUTED = [
    {"exchange": "x", "ex_date": day(1).date(), **told}
    for told in (
        {"symbol": "TWICE", "kind": "split", "ratio": "2"},
        {"symbol": "TWICE", "kind": "split", "ratio": "3"},
        {"symbol": "BEFORE", "kind": "symbol_change", "new_symbol": "AFTER"},
        {"symbol": "AFTER", "kind": "split", "ratio": "2"},
        {"symbol": "BEFORE", "kind": "cash_in_lieu", "cash_amount": "1"},
    )
]
MISTAKEN = {
    "exchange": "x", "ex_date": day(2).date(), "symbol": "META", "kind": "split", "ratio": "7",
}  # fmt: skip
# One that gives two others, and is called otherwise on the same day; one of them is later too, and
# again. Nobody trades them before the prices below.
SPUN = [
    Fill(day(0, 10), "spun", "PAR", "alpha", Fraction(30), Fraction(100)),
    Fill(day(0, 10), "spun", "PAR", "short", Fraction(-9), Fraction(100)),
]
SPUN_OFF = [
    Action(day(1), "spin_off", "PAR", Fraction(3, 10), "KID", cost_share=Fraction(1, 5)),
    Action(day(1), "spin_off", "PAR", Fraction(1), "LAD", cost_share=Fraction(1, 10)),
    Action(day(1), "symbol_change", "PAR", new_symbol="PA2"),
    Action(day(2), "symbol_change", "KID", new_symbol="KI2"),
    Action(day(2), "split", "KID", Fraction(3)),
    Action(day(3), "symbol_change", "KI2", new_symbol="KI3"),
    Action(day(3), "split", "KI2", Fraction(1, 9)),
]
TICKS = [
    ("PAR", 20, "125"),
    ("PA2", 48 + 23, "70"),
    ("FB", 11, "110"),
    ("META", -9000, "7"),
    ("META", 24 + 15, "130"),
    ("FB", 20, "125"),
]
DIVIDEND = {
    "event_id": "d", "event_time": str(day(2)), "account_id": "marked", "kind": "dividend",
    "amount": "7", "exchange": "x", "symbol": "FB", "accrual_time": str(day(0, 15)),
}  # fmt: skip


def random_dividends(rng: random.Random, number: int) -> list[dict[str, Any]]:
    """Paid under any symbol of a world, days after it was held there, in what is sold by then."""
    paid = []
    for place in range(12):
        at = START + timedelta(seconds=rng.randint(3600, 3600 * 78))
        accrued = at - timedelta(seconds=rng.choice([0, 3600, 90_000, 150_000]))
        paid.append(
            {"event_id": f"d{number}-{place}", "event_time": str(at), "exchange": "x",
             "account_id": rng.choice(ACCOUNTS), "symbol": f"W{number}{rng.choice('ABCD')}",
             "kind": rng.choice(["dividend", "tax", "fee", "commission_adjustment"]),
             "amount": decimal_text(rng.randint(-10**4, 10**4) * 10**6),
             "accrual_time": str(accrued)}
        )  # fmt: skip
    return paid


def told_fill(number: int, fill: Fill) -> dict[str, Any]:
    size = decimal_text(int(abs(fill.signed) * UNIT))
    return {
        "event_id": f"f{number}", "order_id": f"f{number}", "trade_id": f"f{number}",
        "event_type": "fill", "event_time": str(fill.at), "exchange": "x", "symbol": fill.symbol,
        "account_id": fill.account, "strategy_id": fill.strategy, "quantity": size,
        "side": "buy" if fill.signed > 0 else "sell", "fill_quantity": size,
        "fill_price": decimal_text(int(fill.price * UNIT)),
    }  # fmt: skip


def told_action(action: Action) -> dict[str, Any]:
    ratio = action.ratio and decimal_text(int(action.ratio * UNIT))
    share = action.cost_share
    cash = action.cash_amount and decimal_text(int(action.cash_amount * UNIT))
    return {
        "exchange": "x", "symbol": action.symbol, "ex_date": action.at.date(),
        "kind": action.kind, "ratio": ratio, "new_symbol": action.new_symbol,
        "cost_share": None if share is None else decimal_text(int(share * UNIT)),
        "cash_amount": cash, "currency": cash and "USD",
    }  # fmt: skip


@pytest.fixture(scope="module")
def desk_and_warehouse(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, Warehouse]:
    """Actions land in any build, one of them first with another new symbol."""
    rng = random.Random(180)  # noqa: S311
    desk, fills, actions, cash_events = Desk(METHODS), [], [], [DIVIDEND]
    for number in range(WORLDS):
        more = random_world(rng, number)
        cash_events += random_dividends(random.Random(number), number)  # noqa: S311
        fills += more[0]
        actions += more[1]
    desk.run([*fills, *MARKED, *SPUN], [*actions, RENAMED, *SPUN_OFF])
    desk.cash["held"] = -sum((fill.signed * fill.price for fill in HELD), Fraction(0))
    for paid in cash_events:
        desk.cash[paid["account_id"]] += Fraction(paid["amount"])
    made = Warehouse(tmp_path_factory.mktemp("actions") / "data")
    made.dbt("seed")
    with duckdb.connect(str(made.path)) as connection:
        connection.executemany(
            "insert into reference.accounts (account_id, lot_method) values (?, ?)",
            list(METHODS.items()),
        )
    orders = [
        told_fill(number, fill) for number, fill in enumerate([*fills, *MARKED, *SPUN, *HELD])
    ]
    actions_told = [told_action(action) for action in [*actions, RENAMED, *SPUN_OFF, TAKEN_OVER]]
    made.land("cash_events", cash_events[::2])
    wrong = told_action(actions[0]) | {"new_symbol": "W0C"}
    actions_told[0]["source"] = "rest"
    rng.shuffle(orders)
    rng.shuffle(actions_told)
    made.land("corporate_actions", [*DISPUTED, MISTAKEN])
    for part in range(3):
        made.land("order_events", orders[part::3])
        made.land("corporate_actions", [*actions_told[part::3], *([wrong] if not part else [])])
        ticks = [
            {"exchange": "x", "symbol": f"W{number}{letter}", "trade_id": f"{part}-{number}",
             "timestamp": str(START + timedelta(hours=rng.randint(0, 90), minutes=part)),
             "last_price": str(rng.randint(5, 50)), "last_size": "1"}
            for number in range(WORLDS) for letter in "ABC"
        ]  # fmt: skip
        ticks += [
            {"exchange": "x", "symbol": symbol, "trade_id": price, "last_price": price,
             "last_size": "1", "timestamp": str(day(0) + timedelta(hours=hour))}
            for symbol, hour, price in ([TICKS[2:4], TICKS[4:5], [*TICKS[5:], *TICKS[:2]]][part])
        ]  # fmt: skip
        made.land("market_ticks", ticks)
        if part == 2:
            made.land("corporate_actions", [MISTAKEN | {"withdrawn": "true"}])
            made.land("cash_events", cash_events[1::2])
        made.dbt(*RUN)
    return desk, made


def near(got: Any, expected: Fraction, digits: int = 7) -> bool:
    return abs(Fraction(got) - expected) <= Fraction(1, 10**digits)


def test_every_position_ends_as_the_model(desk_and_warehouse: tuple[Desk, Warehouse]) -> None:
    desk, warehouse = desk_and_warehouse
    rows = warehouse.rows(
        "from positions where account_id <> 'held' qualify row_number() over"
        " (partition by account_id, symbol, strategy_id order by snapshot_time desc) = 1"
    )
    found = {(row["account_id"], row["symbol"], row["strategy_id"]): row for row in rows}
    assert found.keys() == desk.books.keys()
    inherited = 0
    for key, book in desk.books.items():
        row, position = found[key], book.position
        assert Fraction(row["quantity"]) == position.quantity, key
        assert near(row["realized_pnl"], position.realized), key
        cost = position.quantity * position.average
        assert near(row["total_cost_basis"], abs(cost)), key
        if position.quantity:
            assert book.trip
            assert row["opened_at"] == row["first_entry_time"] == book.trip.opened_at, key
            inherited += book.trip.opened_at < day(1) and not key[1].endswith("A")
    assert inherited > 5


def test_a_change_has_a_row_of_its_own(desk_and_warehouse: tuple[Desk, Warehouse]) -> None:
    desk, warehouse = desk_and_warehouse
    days = [day(1), day(2), day(3)]
    rows = warehouse.rows("from positions where snapshot_time in (?, ?, ?)", days)
    found = {
        (row["snapshot_time"], (row["account_id"], row["symbol"], row["strategy_id"])): row
        for row in rows
    }
    assert len(desk.moves) > 50
    for at, key in desk.moves:
        row = found[at, key]
        assert not row["is_fill"]
        if key[1] == "FB" or (key[1] != "META" and key[1].endswith("AB"[at == day(2)])):
            assert (row["quantity"], row["side"]) == (0, "flat")


def test_a_trip_goes_on_under_the_new_symbol(desk_and_warehouse: tuple[Desk, Warehouse]) -> None:
    desk, warehouse = desk_and_warehouse
    found = {
        (row["account_id"], row["symbol"], row["strategy_id"], row["closed_at"]): row
        for row in warehouse.rows("from round_trips where account_id <> 'held'")
    }
    assert len(found) == len(desk.ended) > 50
    for key, trip in desk.ended:
        row = found[*key, trip.closed_at]
        assert (row["opened_at"], row["fills"]) == (trip.opened_at, trip.fills), key
        assert Fraction(row["entered_quantity"]) == trip.entered
        assert Fraction(row["exited_quantity"]) == trip.exited
        assert near(row["realized_pnl"], trip.realized), key
    assert any(
        trip.opened_at < day(1) < day(2) < (trip.closed_at or START) for _, trip in desk.ended
    )


def test_lots_keep_their_times_and_costs(desk_and_warehouse: tuple[Desk, Warehouse]) -> None:
    desk, warehouse = desk_and_warehouse
    rows = warehouse.rows("from lots where closed_at is null")
    for key, book in desk.books.items():
        if book.lots is None:
            continue
        own = [r for r in rows if (r["account_id"], r["symbol"], r["strategy_id"]) == key]
        found = {row["opened_at"]: row for row in own}
        assert len(found) == len(own)
        assert found.keys() == {lot.at for lot in book.lots.open}, key
        for lot in book.lots.open:
            row = found[lot.at]
            assert Fraction(row["remaining_quantity"]) == abs(lot.quantity), key
            if key[0] != "average":
                assert near(row["remaining_cost"], abs(lot.cost)), key
        assert near(sum(row["remaining_cost"] for row in own), abs(book.lots.cost)), key
    every = warehouse.rows("from lots")
    assert len({row["lot_id"] for row in every}) == len(every)
    realized = {
        (row["account_id"], row["symbol"], row["strategy_id"]): row["realized"]
        for row in warehouse.rows(
            "select account_id, symbol, strategy_id, sum(realized_pnl) as realized"
            " from lot_closures group by all"
        )
    }
    for key, book in desk.books.items():
        if book.lots:
            assert near(realized.get(key, 0), book.lots.realized, 6), key


def test_cash_in_lieu_sells_the_fraction(desk_and_warehouse: tuple[Desk, Warehouse]) -> None:
    """No order and no trade, but a closing of lots; the cash is there."""
    desk, warehouse = desk_and_warehouse
    closures = warehouse.rows("from lot_closures where closed_by = 'cash_in_lieu'")
    assert len(closures) > 3
    assert all(row["exit_price"] and row["trade_id"] is None for row in closures)
    ends = warehouse.rows(
        "from account_snapshots qualify row_number() over (partition by account_id"
        " order by snapshot_time desc) = 1"
    )
    assert {row["account_id"] for row in ends} == {*ACCOUNTS, "marked", "held", "spun"}
    for row in ends:
        assert near(row["cash_balance"], desk.cash[row["account_id"]], 2)


def test_the_new_symbol_begins_at_the_price_of_the_old_one(
    desk_and_warehouse: tuple[Desk, Warehouse],
) -> None:
    """META had a price of its own long ago: of another company."""
    _, warehouse = desk_and_warehouse
    marked = "from positions where account_id = 'marked'"
    found = {(r["symbol"], r["snapshot_time"]): r for r in warehouse.rows(marked)}
    worth = {key: (row["current_price"], row["market_value"]) for key, row in found.items()}
    assert worth["FB", day(0, 23)] == (125, 1250)
    assert worth["META", day(1)] == worth["META", day(1, 15)] == (125, 1250)
    assert worth["META", day(1, 16)] == (130, 1300)
    assert ("FB", day(1, 1)) not in found
    values = "from account_snapshots where account_id = 'marked' and snapshot_type = 'intraday'"
    at = {row["snapshot_time"]: row for row in warehouse.rows(values)}
    assert at[day(0, 23)]["equity"] == at[day(1, 1)]["equity"] == 250
    assert at[day(1, 16)]["equity"] == 300
    assert {row["net_flows"] for row in at.values()} == {0}


def test_a_spin_off_earns_nothing(desk_and_warehouse: tuple[Desk, Warehouse]) -> None:
    """Until there is a price: the parent keeps of its last one what it keeps of its cost, the child
    has the rest; to the last digit, whatever they are called and split into."""
    _, warehouse = desk_and_warehouse
    spun = "from positions where account_id = 'spun' and quantity <> 0 and snapshot_time = ?"
    for at in (day(0, 21), day(1), day(1, 9), day(2), day(2, 22), day(3), day(3, 5)):
        rows = {(row["symbol"], row["strategy_id"]): row for row in warehouse.rows(spun, [at])}
        for strategy, size in (("alpha", 30), ("short", -9)):
            own = {name: row for (name, whose), row in rows.items() if whose == strategy}
            changed = at < day(2, 23)
            if changed:
                assert sum(row["market_value"] for row in own.values()) == size * 125, (at, own)
                assert sum(row["unrealized_pnl"] for row in own.values()) == size * 25
            children = [row for name, row in own.items() if name[:2] == "KI"]
            assert [row["market_value"] for row in children] == (
                [size * 25] if at >= day(1) else []
            )
            if at >= day(1):
                assert own["PA2"]["market_value"] == size * (90 if changed else 70)
                assert own["LAD"]["market_value"] == size * 10
    equity = warehouse.rows(
        "select distinct equity from account_snapshots where account_id = 'spun' and"
        " snapshot_time between ? and ?", [day(0, 21), day(2, 22)],
    )  # fmt: skip
    assert equity == [{"equity": 525}]


def test_a_position_is_as_old_as_what_came_to_it(
    desk_and_warehouse: tuple[Desk, Warehouse],
) -> None:
    """A long one that was held already and is younger; a short one, which it closed."""
    _, warehouse = desk_and_warehouse
    rows = warehouse.rows(
        "select distinct strategy_id, opened_at from positions where account_id = 'held'"
        " and symbol = 'OPB' and snapshot_time >= ? order by all", [day(1)],
    )  # fmt: skip
    assert rows == [
        {"strategy_id": "alpha", "opened_at": day(0, 10)},
        {"strategy_id": "short", "opened_at": day(0, 13)},
    ]


def test_a_trip_has_the_carry_of_its_former_symbol(
    desk_and_warehouse: tuple[Desk, Warehouse],
) -> None:
    _, warehouse = desk_and_warehouse
    (trip,) = warehouse.rows("from round_trips where account_id = 'marked'")
    assert (trip["symbol"], trip["opened_at"], trip["fills"]) == ("META", MARKED[0].at, 2)
    assert (trip["realized_pnl"], trip["carry"], trip["net_pnl"]) == (400, 7, 407)
    trades = warehouse.rows("from trades where account_id = 'marked' order by executed_at")
    assert [trade["symbol"] for trade in trades] == ["FB", "META"]


def test_what_is_paid_after_a_change_is_in_a_row_of_the_old_symbol(
    desk_and_warehouse: tuple[Desk, Warehouse],
) -> None:
    """It is closed since the change, and no current position."""
    _, warehouse = desk_and_warehouse
    paid = warehouse.rows("from positions where symbol = 'FB' and snapshot_time >= ?", [day(2)])
    assert [(row["snapshot_time"], row["carry"], row["net_pnl"]) for row in paid] == [
        (day(2), 7, 7)
    ]
    assert (paid[0]["side"], paid[0]["closed_at"], paid[0]["is_fill"]) == ("flat", day(1), False)
    assert warehouse.rows("from current_positions where symbol = 'FB'") == []


def test_a_trip_has_all_that_both_symbols_were(
    desk_and_warehouse: tuple[Desk, Warehouse],
) -> None:
    _, warehouse = desk_and_warehouse
    one, closed, other = warehouse.rows(
        "from round_trips where account_id = 'held' order by strategy_id, closed_at"
    )
    assert (one["symbol"], one["opened_at"]) == ("OPB", day(0, 10))
    assert (one["entered_quantity"], one["exited_quantity"]) == (101, 101)
    assert (one["realized_pnl"], one["fills"]) == (141, 4)
    assert (closed["side"], closed["realized_pnl"], closed["closed_at"]) == ("short", 0, day(1))
    assert (other["side"], other["opened_at"]) == ("long", day(0, 13))
    assert (other["realized_pnl"], other["exited_quantity"]) == (2, 2)


def test_what_a_new_symbol_took_over_has_costs(
    desk_and_warehouse: tuple[Desk, Warehouse],
) -> None:
    _, warehouse = desk_and_warehouse
    unknown = warehouse.rows(
        "from positions where commission is null or fees is null or net_pnl is null"
        " and unrealized_pnl is not null"
    )
    assert unknown == []


def test_a_full_refresh_gives_the_same(desk_and_warehouse: tuple[Desk, Warehouse]) -> None:
    _, warehouse = desk_and_warehouse
    copy = warehouse.copy(warehouse.data_dir.with_name("refreshed"))
    copy.dbt(*RUN, "--full-refresh")
    for mart in MARTS:
        query = f"from {mart} order by all"
        assert copy.rows(query) == warehouse.rows(query), mart


def test_a_change_between_two_currencies_counts_no_more(
    desk_and_warehouse: tuple[Desk, Warehouse],
) -> None:
    """The new symbol is listed later, with another currency: what was taken over is taken back."""
    _, warehouse = desk_and_warehouse
    copy = warehouse.copy(warehouse.data_dir.with_name("listed"))
    with duckdb.connect(str(copy.path)) as connection:
        connection.execute(
            "insert into reference.instruments by name select 'x' as exchange, 'META' as symbol,"
            " 'EUR' as quote_currency"
        )
    copy.dbt(*RUN)
    marked = copy.rows("from current_positions where account_id = 'marked' order by symbol")
    assert [(row["symbol"], row["quantity"]) for row in marked] == [("FB", 10), ("META", -10)]
    assert copy.rows("from round_trips where account_id = 'marked'") == []
    (told,) = copy.rows("from intermediate.int_corporate_actions where fault is not null")
    assert (told["symbol"], told["fault"][:19]) == ("FB", "its symbols differ ")


def test_the_data_tests_hold(desk_and_warehouse: tuple[Desk, Warehouse]) -> None:
    _, warehouse = desk_and_warehouse
    warehouse.dbt(
        "test", "--select", "portfolio_equity_is_accounted_for", "positions_add_up_to_the_ledger",
        "positions_add_up_at_every_moment",
        "realized_pnl_is_the_sum_of_trades", "lots_earn_what_positions_earn",
        "open_lots_are_the_position", "states_are_the_fills_that_count",
        "position_quantity_is_conserved", "every_fill_time_of_a_position_has_its_row",
        "corporate_actions_count", "int_position_states", "int_lot_changes", "lots",
    )  # fmt: skip


def compiled(warehouse: Warehouse, name: str) -> str:
    """A data test as dbt asks it."""
    warehouse.dbt("compile", "--select", name)
    (path,) = (warehouse.data_dir / "target" / "compiled").rglob(f"{name}.sql")
    return path.read_text(encoding="utf-8")


def test_actions_that_contradict_each_other_are_named(
    desk_and_warehouse: tuple[Desk, Warehouse],
) -> None:
    _, warehouse = desk_and_warehouse
    rows = warehouse.rows(compiled(warehouse, "corporate_actions_agree"))
    found = {(row["symbol"], row["kind"]): row for row in rows if row["symbol"][0] != "W"}
    assert found.keys() == {
        ("TWICE", "split"), ("AFTER", "split"), ("BEFORE", "cash_in_lieu"),
    }  # fmt: skip
    assert "of 2 versions" in found["TWICE", "split"]["assumed"]
    assert "name BEFORE" in found["AFTER", "split"]["what_to_do"]
    assert "name AFTER" in found["BEFORE", "cash_in_lieu"]["what_to_do"]
    assert all("withdrawn = true" in row["what_to_do"] for row in rows)


@pytest.mark.parametrize(
    "spoil",
    [
        "delete from warm.positions_warm where closed_at < snapshot_time",
        "update warm.positions_warm set carry = carry + 1 where symbol = 'FB'",
        "update warm.positions_warm set realized_pnl = realized_pnl + 1 where symbol = 'META'",
        "delete from intermediate.int_cash_shares where part = 'fees'",
    ],
)
def test_positions_that_do_not_add_up_are_found(
    spoil: str, desk_and_warehouse: tuple[Desk, Warehouse], tmp_path: Path
) -> None:
    """In positions that lack something, and in such that have too much."""
    _, warehouse = desk_and_warehouse
    query = compiled(warehouse, "positions_add_up_at_every_moment")
    copy = warehouse.copy(tmp_path)
    assert copy.rows(query) == []
    with duckdb.connect(str(copy.path)) as connection:
        assert connection.execute(spoil).fetchall() != [(0,)]
    assert copy.rows(query) != []


def test_positions_add_up_whatever_days_are_archived(
    desk_and_warehouse: tuple[Desk, Warehouse], tmp_path: Path
) -> None:
    """Of a position that was closed before, the newest row is all that is left."""
    _, warehouse = desk_and_warehouse
    query = compiled(warehouse, "positions_add_up_at_every_moment")
    copy = warehouse.copy(tmp_path)
    key = "account_id, exchange, symbol, strategy_id, position_side"
    days = copy.rows("select distinct snapshot_time::date as date from positions order by date")
    for number, day in enumerate(days):
        with duckdb.connect(str(copy.path)) as connection:
            register_cold_file(connection, "positions", str(day["date"]), file_id=number)
            connection.execute(
                "delete from warm.positions_warm where snapshot_time::date = ? and rowid not in"
                f" (select arg_max(rowid, snapshot_time) from warm.positions_warm group by {key})",
                [day["date"]],
            )
        assert copy.rows(query) == [], day


def test_an_upgrade_adds_the_rows_of_what_was_paid(
    desk_and_warehouse: tuple[Desk, Warehouse], tmp_path: Path
) -> None:
    """What was built before migration 020 has none of them."""
    _, warehouse = desk_and_warehouse
    copy = warehouse.copy(tmp_path)
    tables = [f"intermediate.int_position_{name}" for name in ("times", "prices", "valuations")]
    migration = Path(schema.__file__).parent / "migrations" / "020_paid_positions.sql"
    with duckdb.connect(str(copy.path)) as connection:
        former = "delete from {} where (account_id, symbol, snapshot_time) in (select (account_id,"
        former += " symbol, snapshot_time) from positions where closed_at < snapshot_time)"
        for table in [*tables, "warm.positions_warm"]:
            assert connection.execute(former.format(table)).fetchall() != [(0,)]
        connection.execute(migration.read_text(encoding="utf-8"))
    copy.dbt(*RUN)
    assert copy.rows("from positions order by all") == warehouse.rows("from positions order by all")


def test_an_action_is_withdrawn_by_telling_it_again(tmp_path: Path) -> None:
    """It is no duplicate; an action that says nothing of it is the row that it always was."""
    warehouse = Warehouse(tmp_path / "data")
    settings = load_settings(tmp_path / "none.toml", {"DATA_DIR": str(warehouse.data_dir)})
    header, row = "exchange,symbol,ex_date,kind,ratio", "x,A,2024-03-05,split,2"
    landed = []
    for number, text in enumerate(
        (f"{header}\n{row}\n", f"{header},withdrawn\n{row},true\n{row},false\n")
    ):
        file = tmp_path / f"{number}.csv"
        file.write_text(text)
        (result,) = land_files(settings, "actions", [file])
        landed.append((result.landed, result.duplicate, result.rejected))
    assert landed == [(1, 0, 0), (1, 1, 0)]
    told = warehouse.rows("select withdrawn from raw.corporate_actions order by batch_id")
    assert [row["withdrawn"] for row in told] == [False, True]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("X,2024-03-05,symbol_change,,", "new_symbol: missing"),
        ("X,2024-03-05,symbol_change,,X", "new_symbol: the symbol itself"),
        ("X,2024-03-05,symbol_change,2,Y", "ratio: a symbol_change or cash_in_lieu has none"),
        ("X,2024-03-05,split,2,Y", "new_symbol: only a symbol_change or spin_off has one"),
        ("X,2024-03-05,split,,", "ratio: missing"),
        ("X,2024-03-05,cash_in_lieu,,,,USD", "cash_amount: missing"),
        ("X,2024-03-05,spin_off,1,,,,0.5", "new_symbol: missing"),
        ("X,2024-03-05,spin_off,,Y,,,0.5", "ratio: missing"),
        ("X,2024-03-05,spin_off,1,Y,,,", "cost_share: missing"),
        ("X,2024-03-05,spin_off,1,Y,,,1.1", "cost_share: not from 0 to 1"),
        ("X,2024-03-05,split,1,,,,0.1", "cost_share: only a spin_off has one"),
        ("X,2024-03-05,cash_in_lieu,,,-1,USD", "cash_amount: negative"),
        ("X,2024-03-05,split,2,,3,", "cash_amount, currency: only a cash_in_lieu has them"),
    ],
)
def test_what_cannot_be_right_is_rejected(row: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "actions.csv"
    good = "x,OK,2024-03-05,symbol_change,,NEW"
    file.write_text(
        f"exchange,symbol,ex_date,kind,ratio,new_symbol,cash_amount,currency,cost_share\n"
        f"{good},,,\nx,{row}{',' * (7 - row.count(','))}\n"
    )
    data_dir = Warehouse(tmp_path / "data").data_dir
    settings = load_settings(tmp_path / "none.toml", {"DATA_DIR": str(data_dir)})
    (result,) = land_files(settings, "actions", [file])
    assert (result.landed, result.rejected) == (1, 1)
    with duckdb.connect(str(data_dir / "trading.duckdb")) as connection:
        assert connection.execute("select reason from raw.rejected_rows").fetchall() == [(reason,)]
