"""What the next build forgot of what was built before, and what it learns late of it: it must be
what a full refresh gives. Every number is worked out by hand."""

import re
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from .trading_warehouse import Warehouse, utc

SETTINGS = ("--vars", "{position_mark_interval: '1 day'}")
MARTS = ("orders", "trades", "positions", "current_positions", "round_trips", "cash_events",
         "account_snapshots", "portfolio_snapshots")  # fmt: skip
DAY = "2024-03-05"
PERP = {"account_id": "main", "exchange": "coinm", "symbol": "BTCUSD_PERP"}
HEDGED = {"account_id": "hedged", "symbol": "MSFT"}
EURO = {"exchange": "fx", "symbol": "EURUSD"}
RENAMED = {"account_id": "renamed"}
# A dividend that accrued before the new name, told under it.
DIVIDEND = {
    "account_id": "renamed", "event_time": f"{DAY} 14:00:00", "kind": "dividend", "amount": "50",
    "exchange": "alpaca", "accrual_time": f"{DAY} 00:00:00",
}  # fmt: skip
KEYS = {"orders": "order_id", "trades": "trade_id"}
# Binance gives both sides of a trade with oneself one number; numbers of others restart each day;
# of a block that was split, each account is told the one order and the one execution.
SELF_TRADE = {"exchange": "binance", "symbol": "BTCUSDT", "trade_id": "77"}
DAILY = {"exchange": "nse", "symbol": "INFY", "trade_id": "1001", "exchange_trade_id": "1001"}
BLOCK = {
    "symbol": "IBM", "order_id": "0b10cc00-0000-4000-8000-000000000001",
    "trade_id": "0b10cc00-0000-4000-8000-000000000002",
}  # fmt: skip
LONE_TRADE = uuid.uuid5(uuid.NAMESPACE_OID, "nse\x1fINFY\x1f1002")


def fill(name: str, at: str, size: str, price: str, **more: Any) -> dict[str, Any]:
    return {
        "event_id": name, "event_type": "fill", "event_time": at, "order_id": name,
        "trade_id": name, "quantity": size, "fill_quantity": size, "fill_price": price,
        "account_id": "main", **more,
    }  # fmt: skip


def bust(name: str, at: str, **more: Any) -> dict[str, Any]:
    return {"event_id": name, "event_type": "trade_bust", "event_time": at, "account_id": "main",
            **more}  # fmt: skip


def lot(name: str, at: str, size: str, cost: str, **more: Any) -> dict[str, Any]:
    return {
        "event_id": name, "event_type": "transfer_in", "event_time": at, "order_id": name,
        "trade_id": name, "quantity": size, "transfer_cost": cost, **more,
    }  # fmt: skip


def tick(at: str, price: str, **more: Any) -> dict[str, Any]:
    return {"timestamp": at, "last_price": price, "last_size": "1", "trade_id": at, **more}


def renamed(old: str, new: str, day: str = DAY) -> dict[str, Any]:
    return {"ex_date": day, "kind": "symbol_change", "symbol": old, "new_symbol": new}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Two builds: a split and fills of no strategy, then a price, a contract and a hedge mode; a
    rate, a new name of what has paid, and what follows a position that has turned."""
    made = Warehouse(tmp_path_factory.mktemp("forgotten") / "data")
    made.land("corporate_actions", [{"ex_date": DAY, "ratio": "2"}, renamed("OLD", "NEW")])
    turned = {"symbol": "TURN"}
    made.land(
        "market_ticks",
        [tick(f"{DAY} 12:30:10", "50"), tick("2024-03-04 14:50:00", "100", **turned),
         tick(f"{DAY} 11:50:00", "80", **turned)],
    )  # fmt: skip
    deposit = {"event_time": "2024-03-04 09:00:00", "account_id": "euro"}
    made.land(
        "cash_events",
        [
            deposit | {"event_id": "usd", "amount": "100"},
            deposit | {"event_id": "eur", "amount": "100000", "currency": "EUR"},
            DIVIDEND | {"event_id": "meta", "symbol": "META"},
            DIVIDEND | {"event_id": "new", "symbol": "NEW"},
        ],
    )
    created = {"event_type": "created", "strategy_id": "A", "quantity": "10"}
    made.land(
        "order_events",
        [
            fill("aapl", "2024-03-04 15:00:00", "10", "100"),
            # The clock of the exchange is before ours: the fill comes before its order.
            fill("p1", f"{DAY} 10:00:00.100", "10", "50000", **PERP),
            created | PERP | {"event_id": "n1", "order_id": "p1",
                              "event_time": f"{DAY} 10:00:00.250"},
            fill("p2", f"{DAY} 11:00:00", "20", "60000", strategy_id="A", **PERP),
            fill("m1", f"{DAY} 10:00:00.100", "10", "20", position_side="long", **HEDGED),
            created | HEDGED | {"event_id": "n2", "order_id": "m1",
                                "event_time": f"{DAY} 10:00:00.250"},
            fill("m2", f"{DAY} 11:00:00", "10", "22", side="sell", position_side="long",
                 strategy_id="A", **HEDGED),
            fill("buy", f"{DAY} 10:00:00", "1", "100", strategy_id="A", **SELF_TRADE),
            fill("first", "2024-03-04 10:00:00", "10", "100", **DAILY),
            bust("b1", f"{DAY} 12:00:00", order_id="second", **DAILY),
            fill("lone", "2024-03-04 11:00:00", "1", "100", **DAILY | {"trade_id": "1002"}),
            fill("block", f"{DAY} 10:00:00", "5", "100", **BLOCK),
            fill("child", f"{DAY} 09:00:00", "1", "100", symbol="IBM",
                 parent_order_id=BLOCK["order_id"]),
            lot("n", f"{DAY} 09:30:00", "10", "1000", **HEDGED | {"symbol": "NVDA"}),
            lot("s", f"{DAY} 09:30:00", "5", "500", side="sell", **HEDGED | {"symbol": "AMD"}),
            fill("l", f"{DAY} 09:40:00", "4", "90", position_side="long",
                 **HEDGED | {"symbol": "AMD"}),
            fill("u", f"{DAY} 09:40:00", "1", "10", position_side="net",
                 **HEDGED | {"symbol": "UNSAID"}),
            fill("fb", "2024-03-04 15:00:00", "10", "50", **RENAMED, symbol="FB"),
            fill("t1", "2024-03-04 15:00:00", "10", "100", **turned),
            fill("t2", f"{DAY} 12:00:00", "20", "80", side="sell", **turned),
        ],
    )  # fmt: skip
    made.build(*SETTINGS)
    made.land("corporate_actions", [renamed("FB", "META"), renamed("AMD", "AMDX", "2024-03-06")])
    made.land(
        "order_events",
        [
            fill("n2", f"{DAY} 13:00:00", "10", "120", side="sell", position_side="long",
                 **HEDGED | {"symbol": "NVDA"}),
            fill("old", "2024-03-04 15:00:00", "10", "50", **RENAMED, symbol="OLD"),
            fill("meta", f"{DAY} 15:00:00", "10", "60", side="sell", **RENAMED, symbol="META"),
            fill("t3", f"{DAY} 13:30:00", "1", "84", side="sell", **turned),
            fill("sell", f"{DAY} 10:00:00", "1", "100", side="sell", strategy_id="B", **SELF_TRADE),
            fill("second", f"{DAY} 11:00:00", "7", "101", **DAILY),
            fill("b2", f"{DAY} 10:00:00", "3", "100", position_side="long",
                 **BLOCK | {"account_id": "hedged"}),
        ],
    )  # fmt: skip
    late = [
        tick(f"{DAY} 23:30:10", "51"),
        tick("2024-03-06 06:30:10", "51"),
        tick(f"{DAY} 13:10:00", "85", **turned),
        tick(f"{DAY} 20:00:00", "1.1", **EURO),
    ]
    made.land("market_ticks", late)
    with duckdb.connect(str(made.path)) as connection:
        connection.execute(
            "insert into reference.instruments by name select 'coinm' as exchange,"
            " 'BTCUSD_PERP' as symbol, 'BTC' as base_currency, 'USD' as quote_currency,"
            " 100 as multiplier, true as margined, 'BTC' as settle_currency"
        )
        connection.execute(
            "insert into reference.instruments by name select 'fx' as exchange,"
            " 'EURUSD' as symbol, 'EUR' as base_currency, 'USD' as quote_currency"
        )
        connection.execute(
            "insert into reference.accounts by name"
            " select 'hedged' as account_id, true as hedge_mode"
        )
    made.build("seed", *SETTINGS)
    return made


def newest(warehouse: Warehouse, symbol: str) -> list[dict[str, Any]]:
    return warehouse.rows(f"from current_positions where symbol = '{symbol}'")


def test_a_split_without_a_row_of_its_own(warehouse: Warehouse) -> None:
    (row,) = newest(warehouse, "AAPL")
    assert (row["quantity"], row["market_value"], row["unrealized_pnl"]) == (20, 1020, 20)


def test_fills_that_inherit_their_strategy_from_a_later_event(warehouse: Warehouse) -> None:
    (row,) = newest(warehouse, "BTCUSD_PERP")
    assert (row["quantity"], row["average_entry_price"]) == (30, 56250)
    assert newest(warehouse, "MSFT") == []  # bought and sold on the long side
    (trip,) = warehouse.rows("from round_trips where symbol = 'MSFT'")
    assert (trip["position_side"], trip["realized_pnl"]) == ("long", 20)


def trades(warehouse: Warehouse, symbol: str) -> list[dict[str, Any]]:
    return warehouse.rows(f"from trades where symbol = '{symbol}' order by executed_at, side")


def test_two_fills_of_one_trade_id(warehouse: Warehouse) -> None:
    bought, sold = trades(warehouse, "BTCUSDT")
    assert (bought["strategy_id"], sold["strategy_id"]) == ("A", "B")
    assert {bought["source_trade_id"], sold["source_trade_id"]} == {"77"}
    assert bought["trade_id"] != sold["trade_id"]


def test_one_execution_told_in_two_accounts(warehouse: Warehouse) -> None:
    mine, theirs = warehouse.rows(
        f"from trades where source_trade_id = '{BLOCK['trade_id']}' order by quantity desc"
    )
    assert (mine["account_id"], theirs["account_id"]) == ("main", "hedged")
    assert len({mine["trade_id"], theirs["trade_id"], uuid.UUID(BLOCK["trade_id"])}) == 3
    assert mine["order_id"] != theirs["order_id"]
    (child,) = warehouse.rows("from orders where source_order_id = 'child'")
    assert child["parent_order_id"] == mine["order_id"]


def test_a_bust_takes_the_fill_of_its_own_order(warehouse: Warehouse) -> None:
    told = [(t["source_order_id"], t["trade_id"]) for t in trades(warehouse, "INFY")]
    assert [order for order, _ in told] == ["first", "lone"]
    assert told[1][1] == LONE_TRADE


@pytest.mark.parametrize("mart", KEYS)
def test_every_row_has_an_id_of_its_own(mart: str, warehouse: Warehouse) -> None:
    key = KEYS[mart]
    assert warehouse.rows(f"select {key} from {mart} group by {key} having count(*) > 1") == []


def test_what_came_before_its_first_rate_is_no_profit(warehouse: Warehouse) -> None:
    """100 USD and 100,000 EUR; the first rate comes on the day after."""
    snapshots = "from account_snapshots where account_id = 'euro' and snapshot_time"
    first, *_ = warehouse.rows(f"{snapshots} < '{DAY} 20:01:00' order by snapshot_time desc")
    assert (first["equity"], first["net_flows"], first["total_pnl"]) == (100, 100, 0)
    assert warehouse.rows(
        f"select distinct equity, net_flows, total_pnl, total_pnl_pct, daily_pnl, daily_pnl_pct,"
        f" max_drawdown_pct {snapshots} > '{DAY} 20:01:00'"
    ) == [
        {"equity": 110100, "net_flows": 110100, "total_pnl": 0, "total_pnl_pct": 0, "daily_pnl": 0,
         "daily_pnl_pct": 0, "max_drawdown_pct": 0}
    ]  # fmt: skip


def test_a_lot_without_a_side_is_of_its_own(warehouse: Warehouse) -> None:
    """The long one is sold on the long side; an action takes both sides along."""
    assert newest(warehouse, "NVDA") == []
    (trip,) = warehouse.rows("from round_trips where symbol = 'NVDA'")
    assert (trip["position_side"], trip["realized_pnl"]) == ("long", 200)
    assert newest(warehouse, "AMD") == []
    sides = {row["position_side"]: row["quantity"] for row in newest(warehouse, "AMDX")}
    assert sides == {"long": 4, "short": -5}


def test_a_fill_without_a_side_is_named(warehouse: Warehouse) -> None:
    (row,) = newest(warehouse, "UNSAID")
    assert (row["position_side"], row["quantity"]) == ("net", 1)
    told = warehouse.dbt("test", "--select", "fills_name_their_side", *SETTINGS).stdout
    assert re.findall(r"WARN (\d+) fills_name_their_side", told) == ["1"]


@pytest.mark.parametrize(("old", "new"), [("FB", "META"), ("OLD", "NEW")])
def test_what_accrued_under_the_former_name_is_carry(
    old: str, new: str, warehouse: Warehouse
) -> None:
    """The change of name comes later than the dividend, or what was held does."""
    rows = warehouse.rows(
        "select symbol, carry from positions where account_id = 'renamed' and symbol in (?, ?)"
        " and snapshot_time = ?", [old, new, utc(f"{DAY} 14:00:00")],
    )  # fmt: skip
    assert rows == [{"symbol": old, "carry": 50}]
    (cash,) = warehouse.rows(f"from cash_events where account_id = 'renamed' and symbol = '{new}'")
    assert (cash["amount"], cash["part"]) == (50, "carry")


def test_the_round_trip_has_what_accrued_under_the_former_name(warehouse: Warehouse) -> None:
    (trip,) = warehouse.rows("from round_trips where account_id = 'renamed'")
    assert (trip["symbol"], trip["realized_pnl"], trip["carry"]) == ("META", 100, 50)
    (last,) = warehouse.rows(
        "from account_snapshots where account_id = 'renamed' order by snapshot_time desc limit 1"
    )
    assert (last["carry"], last["other_cash"]) == (100, 0)


def test_what_a_turn_loses_is_of_what_it_closes(warehouse: Warehouse) -> None:
    """10 at 100 are sold at 80, and 10 more; those are worth 85 when another one is sold at 84."""
    rows = warehouse.rows(
        "select strftime(snapshot_time, '%H:%M') as at, quantity, max_drawdown, max_drawdown_pct"
        f" from positions where symbol = 'TURN' and snapshot_time::date = '{DAY}' and is_fill"
    )
    assert {row.pop("at"): tuple(row.values()) for row in rows} == {
        "12:00": (-10, 200, 20),
        "13:30": (-11, 51, Decimal("5.7692")),
    }


def test_a_full_refresh_gives_the_same(warehouse: Warehouse, tmp_path: Path) -> None:
    built = warehouse.copy(tmp_path / "data")
    built.build("seed", "--full-refresh", *SETTINGS)
    for mart in MARTS:
        query = f"from {mart} order by all"
        assert warehouse.rows(query) == built.rows(query), mart
