"""Lots as they are built: accounts with a method each, one of positions by sides, against fractions
and a full refresh; then their methods change."""

import random
from collections import defaultdict
from datetime import datetime
from fractions import Fraction
from typing import Any

import duckdb
import pytest

from .account_model import Account, Instrument, Trade, Transfer
from .lot_model import Lots
from .test_accounts import SEED, book, list_instruments, random_accounts
from .trading_model import Position
from .trading_warehouse import Warehouse

AS_OF = ("--vars", "{as_of: '2024-03-08 00:00:00'}")
RUN = ("run", "--select", "+marts.trading", *AS_OF)
RELATIONS = (
    "intermediate.int_lot_changes", "intermediate.int_lot_states", "intermediate.int_lots",
    "lots", "lot_closures",
)  # fmt: skip
METHODS = [
    {"main": "average", "second": "fifo", "hedged": "fifo"},
    {"main": "hifo", "second": "lifo", "hedged": "average"},
]
KEY = ("account_id", "exchange", "symbol")


def change(warehouse: Warehouse, *statements: str) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        for statement in statements:
            connection.execute(statement)


def use(warehouse: Warehouse, methods: dict[str, str]) -> None:
    """Put the methods of accounts into the seed."""
    rows = ", ".join(f"('{name}', '{it}', {name == 'hedged'})" for name, it in methods.items())
    change(
        warehouse,
        "delete from reference.accounts",
        f"insert into reference.accounts (account_id, lot_method, hedge_mode) values {rows}",
    )


@pytest.fixture(scope="module")
def accounts() -> dict[str, Account]:
    return random_accounts(SEED)[0]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Landed shuffled in three parts, with a build after each."""
    _, rows = random_accounts(SEED)
    rng = random.Random(7)  # noqa: S311
    made = Warehouse(tmp_path_factory.mktemp("lots") / "first")
    made.dbt("seed")
    with duckdb.connect(str(made.path)) as connection:
        list_instruments(connection)
    use(made, METHODS[0])
    parts: list[dict[str, list[dict[str, Any]]]] = [{}, {}, {}]
    for table, some in rows.items():
        for row in some:
            rng.choice(parts).setdefault(table, []).append(row)
    for part in parts:
        for table in part:
            made.land(table, part[table])
        made.dbt(*RUN)
    return made


@pytest.fixture(scope="module")
def second(first: Warehouse) -> Warehouse:
    """The same with other methods, which the next build takes over."""
    copy = first.copy(first.data_dir.with_name("second"))
    use(copy, METHODS[1])
    copy.dbt(*RUN)
    return copy


@pytest.fixture(params=[0, 1], ids=["average_fifo", "hifo_lifo"])
def built(
    request: pytest.FixtureRequest, first: Warehouse, second: Warehouse
) -> tuple[Warehouse, dict[str, str]]:
    return (first, second)[request.param], METHODS[request.param]


def expected_lots(
    account: Account, instrument: Instrument, strategy: str, method: str
) -> tuple[Lots, dict[int, Trade | Transfer | tuple[datetime, Fraction]]]:
    lots, events, position = Lots(method), {}, Position()
    for event in account.events(instrument, strategy):
        if isinstance(event, tuple):
            position.split(event[1])
            lots.split(event[1])
            events[lots.number] = event
            continue
        counted = event.move(position)  # of a position of one side perhaps not all
        if isinstance(event, Trade):
            lots.fill(counted, instrument.cost(event.price), event.at)
        elif event.cost is None:
            lots.take(counted, event.at)
        else:
            lots.bring(event.signed, event.cost_signed, event.since)
        events[lots.number] = event
    return lots, events


def grouped(rows: list[dict[str, Any]]) -> dict[Any, list[dict[str, Any]]]:
    found: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[(*(row[name] for name in KEY), book(row))].append(row)
    return found


def close(got: Any, expected: Fraction, unit: int = 10**8) -> bool:
    return abs(Fraction(got) - expected) <= Fraction(2, unit)


def test_every_lot_and_closure(
    built: tuple[Warehouse, dict[str, str]], accounts: dict[str, Account]
) -> None:
    warehouse, methods = built
    lots = grouped(warehouse.rows("from lots"))
    closures = grouped(warehouse.rows("from lot_closures"))
    keys = {(name, i.exchange, i.symbol, s): (i, s) for name in accounts
            for i, s in accounts[name].keys if any(accounts[name].counted(i, s).values())
            }  # fmt: skip
    assert lots.keys() == keys.keys()
    for key, (instrument, strategy) in keys.items():
        account, method = accounts[key[0]], methods[key[0]]
        model, events = expected_lots(account, instrument, strategy, method)
        left = {row["opened_at"]: row for row in lots[key] if row["closed_at"] is None}
        times = {number: e[0] if isinstance(e, tuple) else e.at for number, e in events.items()}
        # what came in kind keeps its own time
        since = {n: e.since if isinstance(e, Transfer) else times[n] for n, e in events.items()}
        assert left.keys() == {since[lot.number] for lot in model.open}, key
        for lot in model.open:
            row = left[since[lot.number]]
            assert row["side"] == ("long" if lot.quantity > 0 else "short")
            assert Fraction(row["remaining_quantity"]) == abs(lot.quantity), row
            average = model.cost / model.quantity
            unit = average if method == "average" else lot.cost / lot.quantity
            assert close(row["unit_cost"], instrument.price(unit), 10**10), row
            cost = abs(unit) * abs(lot.quantity) * instrument.multiplier
            assert close(row["remaining_cost"], cost), row
        told = {(row["closed_at"], row["opened_at"]): row for row in closures[key]}
        assert len(told) == len(closures[key])
        assert told.keys() == {(times[e], since[lot]) for e, lot, _, _ in model.closures}
        for event, number, size, own in model.closures:
            row = told[times[event], since[number]]
            goes = isinstance(events[event], Transfer)
            assert (row["closed_by"] == "transfer", row["trade_id"] is None) == (goes, goes)
            assert Fraction(row["quantity"]) == abs(size), row
            assert close(row["realized_pnl"], own * instrument.multiplier), row
            assert row["holding_period"] == times[event] - since[number]


def test_commissions_are_shared_and_nothing_of_them_is_lost(
    built: tuple[Warehouse, dict[str, str]], accounts: dict[str, Account]
) -> None:
    """What lots were charged when opened, and closings on their side, is what the fills cost."""
    warehouse, _ = built
    for column in ("commission", "fees"):
        opened = grouped(warehouse.rows("from lots"))
        closed = grouped(warehouse.rows("from lot_closures"))
        for key, rows in opened.items():
            account = accounts[key[0]]
            (trades,) = (
                [trade for trade in some if account.counted(i, strategy)[trade.at]]
                for (i, strategy), some in account.keys.items()
                if (i.exchange, i.symbol, strategy) == key[1:]
            )
            costs = sum(
                (account.commission(t) if column == "commission" else t.fees for t in trades),
                Fraction(0),
            )
            ended = {row["lot_id"]: row for row in rows if row["closed_at"] is not None}
            of_closings = sum((Fraction(row[column]) for row in closed[key]), Fraction(0))
            if len(ended) == len(rows):
                assert close(of_closings, costs, 10**7), (key, column)
            # The entry shares of what is still open are in no closure yet.
            still_open = sum(
                (
                    Fraction(row[column]) * Fraction(row["remaining_quantity"])
                    / Fraction(row["opened_quantity"])
                    for row in rows
                ),
                Fraction(0),
            )  # fmt: skip
            assert close(of_closings + still_open, costs, 10**6), (key, column)


def test_average_is_the_position_to_the_last_digit(first: Warehouse) -> None:
    positions = grouped(first.rows("from current_positions where account_id = 'main'"))
    lots = grouped(first.rows("from lots where account_id = 'main' and closed_at is null"))
    assert positions.keys() == lots.keys()
    for key, (position,) in positions.items():
        rows = lots[key]
        assert abs(sum(row["remaining_cost"] for row in rows)) == position["total_cost_basis"]
        assert {row["unit_cost"] for row in rows} == {position["average_entry_price"]}
    earned = first.rows(
        "with earned as (select account_id, exchange, symbol, strategy_id,"
        " sum(realized_pnl) as of_lots from lot_closures where account_id = 'main' group by all)"
        " select of_lots, arg_max(realized_pnl, snapshot_time) as realized_pnl from positions"
        " inner join earned using (account_id, exchange, symbol, strategy_id) group by account_id,"
        " exchange, symbol, strategy_id, of_lots"
    )
    assert len(earned) > 5
    assert all(row["of_lots"] == row["realized_pnl"] for row in earned)


def test_the_data_tests_hold_and_can_fail(second: Warehouse) -> None:
    tests = ("test", "--select", "lots_earn_what_positions_earn", "open_lots_are_the_position")
    second.dbt(*tests)
    copy = second.copy(second.data_dir.with_name("spoilt"))
    change(
        copy,
        "update intermediate.int_lot_changes set position_cost = position_cost + 1e-10",
        "update intermediate.int_lots set quantity = quantity + sign(quantity) * 1e-10",
    )
    failed = copy.dbt(*tests, check=False).stdout
    for test in tests[2:]:
        assert f"Failure in test {test}" in failed


def test_a_full_refresh_gives_the_same(built: tuple[Warehouse, dict[str, str]]) -> None:
    warehouse, _ = built
    copy = warehouse.copy(warehouse.data_dir.with_name(f"{warehouse.data_dir.name}_refreshed"))
    copy.dbt("run", "--select", "int_position_folds+,+marts.trading", *AS_OF, "--full-refresh")
    for relation in RELATIONS:
        query = f"from {relation} order by all"
        expected = copy.rows(query)
        assert len(expected) > 100
        assert warehouse.rows(query) == expected, relation


def test_lots_are_kept_only_where_a_method_is_said(second: Warehouse) -> None:
    copy = second.copy(second.data_dir.with_name("one"))
    use(copy, {"second": "lifo"})
    copy.dbt(*RUN)
    for relation in RELATIONS:
        told = copy.rows(f"from {relation} order by all")
        assert {row["account_id"] for row in told} == {"second"}
        query = f"from {relation} where account_id = 'second' order by all"
        assert told == second.rows(query)
