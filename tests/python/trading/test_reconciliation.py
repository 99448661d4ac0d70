"""Books against brokers' statements: accounts, exchanges and every status, worked out by hand."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from .trading_warehouse import Warehouse

Row = dict[str, Any]
MONDAY, TUESDAY = (f"2024-03-0{day} 21:00:00" for day in (4, 5))
AS_OF = "{as_of: '2024-03-08 00:00:00'}"


def fill(order: str, at: str, side: str, size: str, price: str, **more: str) -> Row:
    return {
        "event_id": f"{order}-f", "event_type": "fill", "event_time": at, "order_id": order,
        "side": side, "quantity": size, "trade_id": f"t-{order}", "fill_quantity": size,
        "fill_price": price, "exchange_trade_id": f"x-{order}", "strategy_id": "alpha",
        "account_id": "main", **more,
    }  # fmt: skip


FILLS = [
    # two strategies hold 30 AAPL at alpaca, and 5 at another exchange
    fill("a1", "2024-03-04 15:00:00", "buy", "10", "100"),
    fill("a2", "2024-03-04 16:00:00", "buy", "20", "110", strategy_id="beta"),
    fill("a3", "2024-03-04 17:00:00", "buy", "5", "120", exchange="xetra"),
    # what Monday's statement does not list, short
    fill("m1", "2024-03-04 18:00:00", "sell", "7", "50", symbol="MSFT"),
    # after the first agreement: the first of them is the one to look at
    fill("a4", "2024-03-05 15:00:00", "buy", "3", "100"),
    fill("a5", "2024-03-05 16:00:00", "buy", "1", "100"),
    # as_of itself counts, what is after it does not
    fill("i1", MONDAY, "buy", "4", "10", account_id="ira", symbol="F"),
    fill("i2", "2024-03-04 21:00:00.000001", "buy", "5", "10", account_id="ira", symbol="F"),
]
CASH = [
    {"event_id": "c1", "event_time": "2024-03-04 09:00:00", "amount": "10000",
     "account_id": "main"},
    # two exchanges may give one id
    {"event_id": "c2", "event_time": "2024-03-04 09:00:00", "amount": "20", "account_id": "ira",
     "exchange": "alpaca"},
    {"event_id": "c2", "event_time": "2024-03-04 09:00:00", "amount": "30", "account_id": "ira",
     "exchange": "xetra"},
]  # fmt: skip
# 10000 - 1000 - 2200 - 600 + 350; on Tuesday 400 less
BALANCE = "6550"


def says(as_of: str, quantity: str, **more: str) -> Row:
    return {"as_of": as_of, "quantity": quantity, **more}


MAIN_MONDAY = [
    says(MONDAY, "25", symbol="AAPL", cost="3000", market_value="3800"),
    says(MONDAY, "10", symbol="AAPL", cost="800", market_value="400"),  # by its lots
    says(MONDAY, "2", symbol="TSLA"),  # we have none
    says(MONDAY, "6550.005", currency="USD"),  # within the tolerance
]
TICKS = [{"timestamp": "2024-03-04 20:30:00", "trade_id": "1", "symbol": "AAPL",
          "last_price": "120", "last_size": "1"},
         {"timestamp": "2024-03-04 20:30:00", "trade_id": "1", "symbol": "AAPL",
          "exchange": "xetra", "last_price": "120", "last_size": "1"}]  # fmt: skip


def told(
    warehouse: Warehouse, as_of: str, account: str = "main", exchange: str | None = None
) -> dict[str, Row]:
    """The rows of a statement by what they are of."""
    found = warehouse.rows(
        "from reconciliation"
        " where account_id = ? and as_of = ? and exchange is not distinct from ?",
        [account, as_of, exchange],
    )
    return {row["symbol"] or row["currency"]: row for row in found}


def short(row: Row) -> tuple[str, Decimal, Decimal]:
    return row["status"], row["our_quantity"], row["their_quantity"]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = Warehouse(tmp_path_factory.mktemp("statements"))
    made.land("order_events", FILLS)
    made.land("cash_events", CASH)
    made.land("market_ticks", TICKS)
    made.land("statements", MAIN_MONDAY)
    made.land("statements", [says(MONDAY, "30", symbol="AAPL", exchange="alpaca")])
    made.land("statements", [says(MONDAY, "4", symbol="F", account_id="ira"),
                             says(MONDAY, "10", currency="USD", account_id="ira")])  # fmt: skip
    made.land("statements", [says(TUESDAY, "35", symbol="AAPL"),
                             says(TUESDAY, "-7", symbol="MSFT", cost="350"),
                             says(TUESDAY, "6150", currency="USD")])  # fmt: skip
    made.build("--vars", AS_OF)
    return made


def test_what_agrees_and_what_does_not(warehouse: Warehouse) -> None:
    rows = told(warehouse, MONDAY)
    assert {name: short(row) for name, row in rows.items()} == {
        "AAPL": ("agrees", 35, 35),
        "MSFT": ("only_ours", -7, 0),
        "TSLA": ("only_theirs", 0, 2),
        "USD": ("agrees", 6550, Decimal("6550.005")),
    }
    aapl = rows["AAPL"]
    assert (aapl["our_cost"], aapl["our_market_value"]) == (3800, 4200)
    assert (aapl["their_cost"], aapl["their_market_value"]) == (3800, 4200)
    assert rows["USD"]["quantity_difference"] == Decimal("-0.005")
    # they never agreed: the first fill ever
    assert rows["MSFT"]["last_agreement_at"] is None
    assert rows["MSFT"]["first_fill_at"] == datetime(2024, 3, 4, 18)
    assert rows["MSFT"]["first_fill_order_id"] is not None
    assert rows["TSLA"]["first_fill_at"] is None


def test_the_first_fill_after_the_last_agreement(warehouse: Warehouse) -> None:
    rows = told(warehouse, TUESDAY)
    assert {name: short(row) for name, row in rows.items()} == {
        "AAPL": ("differs", 39, 35),
        "MSFT": ("agrees", -7, -7),  # its cost is what it brought in
        "USD": ("agrees", 6150, 6150),
    }
    aapl = rows["AAPL"]
    assert aapl["quantity_difference"] == 4
    assert str(aapl["last_agreement_at"]) == MONDAY
    assert aapl["first_fill_at"] == datetime(2024, 3, 5, 15)
    (trade,) = warehouse.rows("select symbol, quantity from trades where trade_id = ?",
                              [aapl["first_fill_trade_id"]])  # fmt: skip
    assert trade == {"symbol": "AAPL", "quantity": 3}


def test_an_exchange_of_its_own(warehouse: Warehouse) -> None:
    rows = told(warehouse, MONDAY, exchange="alpaca")
    # no balance is listed: nothing is said of cash
    assert {name: short(row) for name, row in rows.items()} == {
        "AAPL": ("agrees", 30, 30),
        "MSFT": ("only_ours", -7, 0),
    }


def test_an_account_of_its_own(warehouse: Warehouse) -> None:
    rows = told(warehouse, MONDAY, "ira")
    assert {name: short(row) for name, row in rows.items()} == {
        "F": ("agrees", 4, 4),
        "USD": ("agrees", 10, 10),
    }
    warehouse.dbt("test", "--select", "int_counted_cash", "cash_events", "--vars", AS_OF)


def test_the_data_test_names_it(warehouse: Warehouse) -> None:
    select = ("test", "--select", "books_agree_with_statements")
    warned = warehouse.dbt(*select, "--vars", AS_OF)
    assert "Got 2 results" in warned.stdout  # MSFT of alpaca on Monday, AAPL on Tuesday
    failed = warehouse.dbt(
        *select, "--vars", AS_OF[:-1] + ", reconciliation_severity: error}", check=False
    )
    assert failed.returncode != 0


def test_late_news_restates(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    warehouse.land("order_events", FILLS)
    warehouse.land("cash_events", CASH)
    warehouse.land("statements", MAIN_MONDAY)
    warehouse.land("statements", [says(TUESDAY, "35", symbol="AAPL")])
    warehouse.build("--vars", AS_OF)
    assert told(warehouse, MONDAY)["AAPL"]["status"] == "agrees"
    # a late fill of Monday: the old statement no longer agrees, nor is it the last agreement
    warehouse.land("order_events", [fill("late", "2024-03-04 15:30:00", "sell", "4", "100")])
    warehouse.build("--vars", AS_OF)
    monday, tuesday = told(warehouse, MONDAY), told(warehouse, TUESDAY)
    assert short(monday["AAPL"]) == ("differs", 31, 35)
    assert short(tuesday["AAPL"]) == ("agrees", 35, 35)
    assert monday["AAPL"]["first_fill_at"] == datetime(2024, 3, 4, 15)
    assert tuesday["AAPL"]["last_agreement_at"] is None
    # the broker corrects Monday's statement as a whole: TSLA and cash are gone from it
    warehouse.land("statements", [says(MONDAY, "31", symbol="AAPL"),
                                  says(MONDAY, "-7", symbol="MSFT")])  # fmt: skip
    warehouse.build("--vars", AS_OF)
    assert {name: row["status"] for name, row in told(warehouse, MONDAY).items()} == {
        "AAPL": "agrees", "MSFT": "agrees", "USD": "only_ours",
    }  # fmt: skip
    assert str(told(warehouse, TUESDAY)["AAPL"]["last_agreement_at"]) == MONDAY
    # the incremental build says what a build from nothing says
    before = warehouse.rows("from reconciliation order by all")
    warehouse.build("--full-refresh", "--vars", AS_OF)
    assert warehouse.rows("from reconciliation order by all") == before


def test_neither_has_it(tmp_path: Path) -> None:
    """A statement before we ever held something agrees with us about it."""
    warehouse = Warehouse(tmp_path)
    warehouse.land("statements", [says("2024-03-03 21:00:00", "10", currency="USD")])
    warehouse.land("order_events", FILLS[:2])
    warehouse.land("statements", [says(MONDAY, "1", symbol="AAPL")])
    warehouse.build("--vars", AS_OF)
    aapl = told(warehouse, MONDAY)["AAPL"]
    assert short(aapl) == ("differs", 30, 1)
    assert str(aapl["last_agreement_at"]) == "2024-03-03 21:00:00"
    assert aapl["first_fill_at"] == datetime(2024, 3, 4, 15)


def test_books_that_never_agreed(tmp_path: Path) -> None:
    """Every statement names the first fill ever, until one agrees; then what is after that."""
    warehouse = Warehouse(tmp_path)
    days = [f"2024-03-{day:02} 21:00:00" for day in (4, 5, 6, 7)]
    warehouse.land("order_events", [*FILLS[:2], *FILLS[4:6]])
    warehouse.land("cash_events", CASH)
    for as_of, quantity in zip(days, ("1", "2", "34", "3"), strict=True):
        warehouse.land("statements", [says(as_of, quantity, symbol="AAPL"),
                                      says(as_of, "1", currency="USD")])  # fmt: skip
    warehouse.land("order_events", [fill("a6", "2024-03-07 15:00:00", "buy", "1", "100")])
    warehouse.build("--vars", AS_OF)
    first = {
        symbol: [told(warehouse, as_of)[symbol]["first_fill_at"] for as_of in days]
        for symbol in ("AAPL", "USD")
    }
    ever = datetime(2024, 3, 4, 15)
    assert first["AAPL"] == [ever, ever, ever, datetime(2024, 3, 7, 15)]
    assert first["USD"] == [datetime(2024, 3, 4, 9)] * 4


def test_positions_by_exchange_beside_balances(tmp_path: Path) -> None:
    """As exchanges' exports have it: a balance names no exchange, and says nothing of positions."""
    warehouse = Warehouse(tmp_path)
    warehouse.land("order_events", FILLS[:3])
    warehouse.land("cash_events", CASH)
    warehouse.land("statements", [says(MONDAY, "30", symbol="AAPL", exchange="alpaca"),
                                  says(MONDAY, "4", symbol="AAPL", exchange="xetra"),
                                  says(MONDAY, "6200", currency="USD")])  # fmt: skip
    warehouse.land("statements", [says(TUESDAY, "6200", currency="USD")])
    warehouse.build("--vars", AS_OF)
    found = {name: short(row) for name, row in told(warehouse, MONDAY).items()}
    assert found == {"USD": ("agrees", 6200, 6200)}
    assert short(told(warehouse, MONDAY, exchange="alpaca")["AAPL"]) == ("agrees", 30, 30)
    assert short(told(warehouse, MONDAY, exchange="xetra")["AAPL"]) == ("differs", 5, 4)
    # balances alone are the whole account: it holds nothing
    aapl = told(warehouse, TUESDAY)["AAPL"]
    assert short(aapl) == ("only_ours", 35, 0)
    # Monday's balances said nothing of it, and hid none of its fills
    assert aapl["first_fill_at"] == datetime(2024, 3, 4, 15)
