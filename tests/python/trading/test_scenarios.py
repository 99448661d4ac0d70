"""Special instruments and currencies, worked out by hand; and the published sequences."""

import json
import re
import uuid
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import pytest
from testkit import register_cold_file

from .published import FILES, STARTED_WITH, all_published, published_fills, sequences
from .trading_warehouse import Warehouse, utc

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


def published_events() -> list[dict[str, Any]]:
    return [
        fill(f"{row['symbol']}-{row['trade_id']}", "00:00", row["side"].lower(),
             row["quantity"], row["price"])
        | {
            "exchange": "published",
            "symbol": row["symbol"],
            "event_time": utc(row["executed_at"]),
            "commission": row["commission"],
            "trade_id": row["trade_id"],
        }
        for row in all_published()
    ]  # fmt: skip


def published_marks() -> list[dict[str, Any]]:
    """Lean values a holding at the price of its fill: a minute that ends there closed at that."""
    return [
        {
            "exchange": "published", "symbol": row["symbol"], "last_price": row["price"],
            "timestamp": utc(row["executed_at"]) - timedelta(seconds=30), "last_size": "1",
            "trade_id": row["trade_id"],
        }
        for row in published_fills(FILES[0])
    ]  # fmt: skip


FULL = {"symbol": "FULL", "order_type": "stop_limit", "time_in_force": "day"}
FULL_ORDER = [
    fill("full", "10:00:00", "sell", "20", "9.4", commission="0.3", exchange_trade_id="e1", **FULL),
    fill("full", "10:00:01", "sell", "20", "9.4", commission="0.3", exchange_trade_id="e1", **FULL)
    | {"event_id": "full-rest", "trade_id": "r1", "source": "rest"},
    created("full", "09:00:00", "sell", "50", strategy_id="twap", price="9.9", stop_price="9.95",
            parent_order_id="parent", extended_hours=True,
            correlation_id="11111111-2222-3333-4444-555555555555", **FULL,
            metadata='{"algo_params": {"slices": 3}, "risk_checks": {"passed": true},'
                     ' "performance_metrics": {"latency_us": 120}}'),
    created("full", "11:00:00", "sell", "50", status_message="end of day", **FULL)
    | {"event_id": "full-end", "event_type": "expired"},
    created("full", "09:30:00", "sell", "40", price="9.5", stop_price="9.75", **FULL)
    | {"event_id": "full-replaced", "event_type": "replaced", "time_in_force": "gtc"},
    created("full", "09:00:01", "sell", "50", price="9.9", stop_price="9.95", **FULL)
    | {"event_id": "full-sub", "event_type": "submitted"},
]  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = Warehouse(tmp_path_factory.mktemp("scenarios"))
    made.dbt("seed")
    with duckdb.connect(str(made.path)) as connection:
        connection.executemany(
            "insert into reference.instruments values (?, ?, ?, ?, ?, ?, ?, ?, ?, null)",
            INSTRUMENTS,
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
            *published_marks(),
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
            # at one time the long one ends, and the short one that begins closes a part with a gain
            fill("turn1", "11:30:00", "buy", "1", "10", symbol="TURN", sequence_number=1),
            fill("turn2", "11:31:00", "sell", "3", "8", symbol="TURN", sequence_number=2),
            fill("turn3", "11:31:00", "buy", "1", "5", symbol="TURN", sequence_number=3),
            *published_events(),
            *FULL_ORDER,
        ],
    )  # fmt: skip
    made.built = made.dbt(
        "build", "--exclude-resource-type", "unit_test", "seed",
        "--select", "+marts.market", "+marts.trading", "snapshots", "path:tests/invariants",
        "--vars", json.dumps({"as_of": "2024-03-05 00:00:00"}),
    ).stdout  # fmt: skip
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
    (charge,) = warehouse.rows("from intermediate.int_fill_commissions where symbol = 'BTCUSDT'")
    assert charge["commission"] == 20


def test_third_currency_commission(warehouse: Warehouse) -> None:
    charges = {r["symbol"]: r for r in warehouse.rows("from intermediate.int_fill_commissions")}
    assert (charges["ETHUSDT"]["commission"], charges["ETHUSDT"]["commission_currency"]) == (
        3, "USDT",
    )  # fmt: skip
    assert (charges["XYZ"]["commission"], charges["XYZ"]["commission_currency"]) == (1, "CHF")


def test_without_a_price_unrealised_is_unknown(warehouse: Warehouse) -> None:
    row = position(warehouse, "XYZ")
    assert (row["quantity"], row["current_price"], row["unrealized_pnl"]) == (-10, None, None)


def test_what_ends_and_what_begins_at_one_time_are_two_trips(warehouse: Warehouse) -> None:
    """The build has asked the invariants of it too."""
    (trip,) = warehouse.rows("from round_trips where symbol = 'TURN'")
    row = position(warehouse, "TURN")
    assert (trip["realized_pnl"], row["realized_pnl"], row["quantity"]) == (-2, 1, -1)


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
    published = sum(-row.signed * Fraction(row["price"]) for row in all_published())
    charged = sum(Fraction(row["commission"]) for row in all_published())
    # Dividend and funding, ES realised, BTC, ETH and its 3 USDT, XYZ short, AAPL bought and sold,
    # LIFE, FULL, TURN.
    cash = (
        100000 + Decimal("7.25") - Decimal("2.25") + 500 - 20000 - 2000 - 3 + 50 - 900 + 300 - 15050
        + 188 - Decimal("0.3") - 10 + 24 - 5
    )  # fmt: skip
    assert Fraction(row["cash_balance"]) == Fraction(cash) + published - charged
    assert row["net_flows"] == 100000
    metadata = json.loads(row["metadata"])
    assert metadata["unconverted_currencies"] == ["CHF"]
    assert row["other_cash"] == 5


@pytest.mark.parametrize("name", FILES)
def test_every_published_value_through_the_whole_chain(warehouse: Warehouse, name: str) -> None:
    positions = {
        (r["symbol"], r["snapshot_time"]): r
        for r in warehouse.rows("from positions where exchange = 'published' and is_fill")
    }
    trades = {
        (r["symbol"], r["source_trade_id"]): r
        for r in warehouse.rows("from trades where exchange = 'published'")
    }
    reversals = {
        (r["symbol"], r["closed_at"])
        for r in warehouse.rows(
            "select one.symbol, one.closed_at from round_trips as one inner join positions as next"
            " on one.exchange = next.exchange and one.symbol = next.symbol"
            " and one.closed_at = next.snapshot_time where next.quantity <> 0 and next.is_fill"
        )
    }
    for rows in sequences(name).values():
        commission = Fraction(0)
        for fill_row in rows:
            at = utc(fill_row["executed_at"])
            position = positions[fill_row["symbol"], at]
            trade = trades[fill_row["symbol"], fill_row["trade_id"]]
            commission += Fraction(trade["commission"])
            own, realized = Fraction(trade["realized_pnl"] or 0), Fraction(position["realized_pnl"])
            net = realized - commission
            # Barter publishes no price besides the fill's.
            equity = STARTED_WITH + net + Fraction(position["unrealized_pnl"] or 0)
            got = {
                "position_qty": position["quantity"],
                "avg_entry_price": position["average_entry_price"],
                "gross_realized": own,
                "net_realized": own - Fraction(trade["commission"]),
                "cum_gross_realized": realized,
                "cum_net_realized": net,
                "flipped": (fill_row["symbol"], at) in reversals,
                "is_duplicate": False,
                "unreal": position["unrealized_pnl"],
                "equity": equity,
                "lean_equity": equity,
            }
            for what, value in fill_row.expected().items():
                assert got[what] == value, (fill_row, what)


def test_every_column_of_an_order(warehouse: Warehouse) -> None:
    """Replaced, then filled in part by stream and REST, expired; its events came in any order."""
    (order,) = warehouse.rows("from orders where source_order_id = 'full'")
    ids = {name: order.pop(name) for name in ("order_id", "correlation_id", "parent_order_id")}
    assert ids == {
        "order_id": uuid.uuid5(uuid.NAMESPACE_OID, "alpaca\x1fFULL\x1ffull"),
        "correlation_id": uuid.UUID("11111111-2222-3333-4444-555555555555"),
        "parent_order_id": uuid.uuid5(uuid.NAMESPACE_OID, "alpaca\x1fFULL\x1fparent"),
    }
    metadata = {name: json.loads(text) for name, text in order.pop("metadata").items()}
    assert metadata == {"algo_params": {"slices": 3}, "risk_checks": {"passed": True},
                        "performance_metrics": {"latency_us": 120}}  # fmt: skip
    assert order == {
        "client_order_id": "client-full", "account_id": "main", "exchange": "alpaca",
        "symbol": "FULL",
        "strategy_id": "twap", "side": "sell", "order_type": "stop_limit", "time_in_force": "gtc",
        "quantity": 40, "price": Decimal("9.5"), "stop_price": Decimal("9.75"),
        "filled_quantity": 20, "average_fill_price": Decimal("9.4"), "status": "cancelled",
        "status_message": "expired", "created_at": utc("2024-03-04 09:00:00"),
        "submitted_at": utc("2024-03-04 09:00:01"), "updated_at": utc("2024-03-04 11:00:00"),
        "filled_at": None, "commission": Decimal("0.3"), "commission_currency": "USD",
        "extended_hours": True, "source_order_id": "full", "is_implied": False,
        "date": date(2024, 3, 4),
    }  # fmt: skip


def test_a_fill_without_an_order_is_kept_and_told(warehouse: Warehouse) -> None:
    (order,) = warehouse.rows("from orders where source_order_id = 'es1'")
    assert (order["is_implied"], order["status"]) == (True, "filled")
    assert len(warehouse.rows("from trades where source_order_id = 'es1'")) == 1
    # XYZ's commission is in CHF, which has no price: it stays open.
    (told,) = re.findall(r"WARN (\d+) commission_has_a_price", warehouse.built)
    assert told == "1"
    (told,) = re.findall(r"WARN (\d+) fill_without_an_order", warehouse.built)
    (counted,) = warehouse.rows("select count(*) as n from orders where is_implied")
    assert int(told) == counted["n"] > 30


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


def test_an_archived_order_looks_as_it_did_and_a_vanished_one_ends(warehouse: Warehouse) -> None:
    """Two orders of two days go, one of them since its day lies in the archive."""
    warehouse.dbt("snapshot")
    ends = (
        "select order_id, dbt_valid_to is not null as is_ended from snapshots.orders_history"
        " order by all"
    )
    before = warehouse.rows(ends)
    first, *_, last = warehouse.rows("select order_id, created_at from orders order by created_at")
    assert first["created_at"].date() < last["created_at"].date()
    gone = f"from warm.orders_warm where order_id in ('{first['order_id']}', '{last['order_id']}')"
    day = f"from raw.cold_files where date = '{first['created_at'].date()}'"
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(f"create table gone as {gone}; delete {gone}")
        register_cold_file(connection, "orders", str(first["created_at"].date()))
    warehouse.dbt("snapshot")
    ended = {"order_id": last["order_id"], "is_ended": True}
    assert [row for row in warehouse.rows(ends) if row not in before] == [ended]
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(f"insert into warm.orders_warm from gone; drop table gone; delete {day}")
    warehouse.dbt("snapshot")
    assert sorted(map(str, warehouse.rows(ends))) == sorted(map(str, [*before, ended]))


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
