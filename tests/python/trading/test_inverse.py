"""An inverse contract by hand: 30 contracts of 100 dollars each, settled in bitcoin."""

from decimal import Decimal
from typing import Any

import duckdb
import pytest

from .trading_warehouse import Warehouse

RUN = ("run", "--select", "+marts.trading", "--vars", "{as_of: '2024-01-06 00:00:00'}")
PERP = {"exchange": "coinm", "symbol": "BTCUSD_PERP"}


def fill(name: str, day: int, side: str, size: str, price: str) -> dict[str, Any]:
    return {
        "event_id": name, "event_type": "fill", "event_time": f"2024-01-0{day} 10:00:00", **PERP,
        "order_id": name, "trade_id": name, "side": side, "quantity": size, "fill_quantity": size,
        "fill_price": price, "commission": "0.00001", "commission_currency": "BTC",
    }  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Built in two steps: the second goes on from what the first left."""
    made = Warehouse(tmp_path_factory.mktemp("inverse") / "data")
    made.dbt("seed")
    with duckdb.connect(str(made.path)) as connection:
        connection.execute(
            "insert into reference.instruments by name select 'coinm' as exchange,"
            " 'BTCUSD_PERP' as symbol, 'future' as asset_class, 'BTC' as base_currency,"
            " 'USD' as quote_currency, 100 as multiplier, true as margined,"
            " 'BTC' as settle_currency union all by name select 'coin' as exchange,"
            " 'BTCUSD' as symbol, 'BTC' as base_currency, 'USD' as quote_currency"
        )
        connection.execute(
            "insert into reference.accounts (account_id, lot_method) values ('main', 'fifo')"
        )
    price = {"timestamp": "2024-01-03 10:01:10", "last_price": "55000", "last_size": "1",
             "trade_id": "1"}  # fmt: skip
    made.land("market_ticks", [PERP | price, price | {"exchange": "coin", "symbol": "BTCUSD"}])
    deposit = {"event_id": "d", "event_time": "2024-01-02 08:00:00", "amount": "1"}
    made.land("cash_events", [deposit | {"currency": "BTC"}])
    made.land("order_events", [fill("a", 2, "buy", "10", "50000") | {"order_id": "o"}])
    made.dbt(*RUN)
    made.land("order_events", [fill("b", 3, "buy", "20", "60000") | {"order_id": "o"},
                               fill("c", 4, "sell", "30", "55000")])  # fmt: skip
    made.dbt(*RUN)
    return made


def test_positions_are_in_bitcoin(warehouse: Warehouse) -> None:
    found = warehouse.rows(
        "from positions where snapshot_time in ('2024-01-03 11:00:00', '2024-01-04 10:00:00')"
        " order by snapshot_time"
    )
    held, closed = found
    assert (held["quantity"], held["average_entry_price"]) == (30, 56250)
    assert held["total_cost_basis"] == Decimal("0.05333333")
    assert held["market_value"] == Decimal("0.05454545")
    assert held["unrealized_pnl"] == Decimal("-0.00121212")
    assert held["unrealized_pnl_pct"] == Decimal("-2.2727")
    assert (held["side"], held["commission"]) == ("long", Decimal("0.00002"))
    assert (closed["quantity"], closed["realized_pnl"]) == (0, Decimal("-0.00121212"))
    assert closed["net_pnl"] == Decimal("-0.00124212")


def test_what_was_traded_is_in_bitcoin(warehouse: Warehouse) -> None:
    traded = warehouse.rows("select quantity, notional from trades order by executed_at")
    # 1000 / 50000, 2000 / 60000 and 3000 / 55000, sold or bought
    assert [row["notional"] for row in traded] == [
        Decimal("0.02"), Decimal("0.03333333"), Decimal("0.05454545"),
    ]  # fmt: skip


def test_an_order_has_a_harmonic_average(warehouse: Warehouse) -> None:
    orders = warehouse.rows("from orders order by created_at")
    assert [row["average_fill_price"] for row in orders] == [56250, 55000]


def test_a_trip_has_harmonic_averages(warehouse: Warehouse) -> None:
    (trip,) = warehouse.rows("from round_trips")
    assert (trip["average_entry_price"], trip["average_exit_price"]) == (56250, 55000)
    assert (trip["realized_pnl"], trip["currency"]) == (Decimal("-0.00121212"), "BTC")


def test_lots(warehouse: Warehouse) -> None:
    closures = warehouse.rows("from lot_closures order by opened_at")
    assert [row["entry_price"] for row in closures] == [50000, 60000]
    # 1000 * (1 / 50000 - 1 / 55000) and 2000 * (1 / 60000 - 1 / 55000), as differences of sums
    assert [row["realized_pnl"] for row in closures] == [
        Decimal("0.00181818"), Decimal("-0.00303030"),
    ]  # fmt: skip
    lots = warehouse.rows("from lots order by opened_at")
    assert [row["opening_price"] for row in lots] == [50000, 60000]


def test_the_account_has_what_it_realised(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "from account_snapshots where snapshot_type = 'eod' order by snapshot_time"
    )
    at = {row["snapshot_time"].day: row for row in rows}
    # 1 BTC, less two commissions and what is lost at 55,000; the notional binds margin
    assert at[4]["equity"] == Decimal("54932.23")
    assert at[4]["margin_used"] == 3000
    assert at[4]["long_positions"] == 1


def test_a_full_refresh_gives_the_same(warehouse: Warehouse) -> None:
    marts = ("orders", "positions", "round_trips", "lots", "lot_closures", "account_snapshots")
    before = [warehouse.rows(f"from {mart} order by all") for mart in marts]
    warehouse.dbt(*RUN, "--full-refresh")
    assert [warehouse.rows(f"from {mart} order by all") for mart in marts] == before
