"""What the next build forgot of what was built before: it must be what a full refresh gives."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import duckdb
import pytest

from .trading_warehouse import Warehouse

SETTINGS = ("--vars", "{position_mark_interval: '1 day'}")
MARTS = ("orders", "trades", "positions", "current_positions", "round_trips", "portfolio_snapshots")
KEYS = {"orders": "order_id", "trades": "trade_id"}
DAY = "2024-03-05"
PERP = {"account_id": "main", "exchange": "coinm", "symbol": "BTCUSD_PERP"}
HEDGED = {"account_id": "hedged", "symbol": "MSFT"}
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


def tick(at: str, price: str) -> dict[str, Any]:
    return {"timestamp": at, "last_price": price, "last_size": "1", "trade_id": at}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Two builds: a split and fills of no strategy, then a price, a contract and a hedge mode."""
    made = Warehouse(tmp_path_factory.mktemp("forgotten") / "data")
    made.land("corporate_actions", [{"ex_date": DAY, "ratio": "2"}])
    made.land("market_ticks", [tick(f"{DAY} 12:30:10", "50")])
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
        ],
    )  # fmt: skip
    made.build(*SETTINGS)
    made.land(
        "order_events",
        [
            fill("sell", f"{DAY} 10:00:00", "1", "100", side="sell", strategy_id="B", **SELF_TRADE),
            fill("second", f"{DAY} 11:00:00", "7", "101", **DAILY),
            fill("b2", f"{DAY} 10:00:00", "3", "100", **BLOCK | {"account_id": "hedged"}),
        ],
    )
    late = [tick(f"{DAY} 23:30:10", "51"), tick("2024-03-06 00:30:10", "51")]
    made.land("market_ticks", late)
    with duckdb.connect(str(made.path)) as connection:
        connection.execute(
            "insert into reference.instruments by name select 'coinm' as exchange,"
            " 'BTCUSD_PERP' as symbol, 'BTC' as base_currency, 'USD' as quote_currency,"
            " 100 as multiplier, true as margined, 'BTC' as settle_currency"
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


def test_a_full_refresh_gives_the_same(warehouse: Warehouse, tmp_path: Path) -> None:
    built = warehouse.copy(tmp_path / "data")
    built.build("seed", "--full-refresh", *SETTINGS)
    for mart in MARTS:
        query = f"from {mart} order by all"
        assert warehouse.rows(query) == built.rows(query), mart
