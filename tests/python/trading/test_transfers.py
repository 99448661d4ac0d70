"""Opening balances and transfers in kind: what lands, what they move, and what they do not."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_ingest.landing.land import land_files
from python_ingest.settings import load_settings

from .trading_warehouse import Warehouse

RUN = ("run", "--select", "+marts.trading", "--vars", "{as_of: '2024-01-06 00:00:00'}")
MARTS = ("orders", "trades", "positions", "lots", "lot_closures", "round_trips",
         "account_snapshots", "portfolio_snapshots")  # fmt: skip
CUT_OVER = "2024-01-02 10:01:00"
OPENING = {
    "event_id": "open-1", "event_type": "transfer_in", "event_time": CUT_OVER, "order_id": "open-1",
    "trade_id": "open-1", "quantity": "300", "transfer_cost": "45000",
    "original_time": "2019-03-14 15:30:00",
}  # fmt: skip
# Bought here before the old lot came in: FIFO sells the older one first all the same.
BOUGHT = {
    "event_id": "b", "event_type": "fill", "event_time": "2024-01-02 09:00:00", "order_id": "b",
    "trade_id": "b", "quantity": "10", "fill_quantity": "10", "fill_price": "155",
}  # fmt: skip
SOLD = BOUGHT | {
    "event_id": "s", "order_id": "s", "trade_id": "s", "side": "sell",
    "event_time": "2024-01-03 10:00:00", "quantity": "100", "fill_quantity": "100",
    "fill_price": "165",
}  # fmt: skip
LEFT = OPENING | {
    "event_id": "out-1", "order_id": "out-1", "trade_id": "out-1", "event_type": "transfer_out",
    "event_time": "2024-01-04 10:00:00", "quantity": "50", "transfer_cost": None,
    "original_time": None,
}  # fmt: skip
BUST = {name: LEFT[name] for name in ("order_id", "quantity", "trade_id")} | {
    "event_id": "bust", "event_type": "trade_bust", "event_time": "2024-01-05 10:00:00",
}  # fmt: skip
OTHER = BOUGHT | {"event_id": "m", "order_id": "m", "trade_id": "m", "symbol": "MSFT"}
LATE = OPENING | {
    "event_id": "late", "order_id": "late", "trade_id": "late", "quantity": "1",
    "event_time": "2024-01-03 12:07:00",
}  # fmt: skip
# Between it and the mark after it prices fall by one percent.
TICKS = [("2024-01-02 08:59:10", "155"), ("2024-01-02 09:58:10", "160"),
         ("2024-01-02 10:30:10", "158.4"), ("2024-01-04 09:58:10", "170")]  # fmt: skip


def rows(warehouse: Warehouse) -> dict[str, list[dict[str, Any]]]:
    return {mart: warehouse.rows(f"from {mart} order by all") for mart in MARTS}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The old lot comes in after what follows it was built: a late one."""
    made = Warehouse(tmp_path_factory.mktemp("transfers") / "data")
    made.dbt("seed")
    with duckdb.connect(str(made.path)) as connection:
        connection.execute(
            "insert into reference.accounts (account_id, lot_method) values ('main', 'fifo')"
        )
    ticks = [
        {"timestamp": at, "last_price": price, "last_size": "1", "trade_id": at}
        for at, price in TICKS
    ]
    made.land("market_ticks", ticks)
    deposit = {"event_id": "d", "event_time": "2024-01-02 08:00:00", "amount": "10000"}
    made.land("cash_events", [deposit])
    made.land("order_events", [BOUGHT, SOLD])
    made.dbt(*RUN)
    made.land("order_events", [OPENING, LEFT])
    made.dbt(*RUN)
    return made


def test_it_is_no_order_and_no_trade(warehouse: Warehouse) -> None:
    for mart, name in (("orders", "source_order_id"), ("trades", "source_trade_id")):
        assert {row[name] for row in warehouse.rows(f"from {mart}")} == {"b", "s"}


def test_what_it_moves(warehouse: Warehouse) -> None:
    found = {row["snapshot_time"]: row for row in warehouse.rows("from positions where is_fill")}
    told = {
        at: (row["quantity"], row["total_cost_basis"], row["realized_pnl"])
        for at, row in found.items()
    }
    average = Decimal(46550) / 310
    sold = 100 * (165 - average)
    assert told[datetime(2024, 1, 2, 10, 1)] == (310, 46550, 0)
    assert found[datetime(2024, 1, 2, 10, 1)]["unrealized_pnl"] == 310 * 160 - 46550
    assert told[datetime(2024, 1, 3, 10)] == (
        210, pytest.approx(210 * average, abs=1e-7), pytest.approx(sold, abs=1e-7),
    )  # fmt: skip
    # What goes out takes its share of the cost and realises nothing.
    assert told[datetime(2024, 1, 4, 10)] == (
        160, pytest.approx(160 * average, abs=1e-7), pytest.approx(sold, abs=1e-7),
    )  # fmt: skip


def test_the_oldest_lot_is_the_one_of_2019(warehouse: Warehouse) -> None:
    closures = warehouse.rows("from lot_closures order by closed_at")
    told = [(row["quantity"], row["closed_by"], row["realized_pnl"]) for row in closures]
    assert told == [(100, "fill", 1500), (50, "transfer", 0)]
    assert {row["opened_at"] for row in closures} == {datetime(2019, 3, 14, 15, 30)}
    left = warehouse.rows("from lots order by opened_at")
    assert [(row["remaining_quantity"], row["remaining_cost"]) for row in left] == [
        (150, 22500), (10, 1550),
    ]  # fmt: skip


def test_its_worth_is_a_flow_and_no_return(warehouse: Warehouse) -> None:
    """300 at 160 come in, 50 at 170 go out; only 10 at 155 and a deposit were there before."""
    at = {
        row["snapshot_time"]: row
        for row in warehouse.rows("from account_snapshots where snapshot_type <> 'manual'")
    }
    came, went = at[datetime(2024, 1, 2, 11)], at[datetime(2024, 1, 4, 10)]
    assert (came["net_flows"], came["equity"]) == (58000, 57554)
    # 10000 become 10050; with what came those are 58050, which become 57554.
    assert (came["total_pnl"], came["total_pnl_pct"]) == (-446, Decimal("-0.3587"))
    assert went["net_flows"] == 58000 - 8500
    assert went["total_pnl"] == went["equity"] - went["net_flows"]
    assert went["cash_balance"] == 10000 - 1550 + 16500


def test_a_full_refresh_gives_the_same(warehouse: Warehouse) -> None:
    copy = warehouse.copy(warehouse.data_dir.with_name("refreshed"))
    copy.dbt(*RUN, "--full-refresh")
    assert rows(copy) == rows(warehouse)


def test_a_bust_takes_it_back_and_another_cuts_what_all_are_worth(warehouse: Warehouse) -> None:
    copy = warehouse.copy(warehouse.data_dir.with_name("busted"))
    copy.land("order_events", [BUST, OTHER])
    copy.dbt(*RUN)
    held = copy.rows("from current_positions order by symbol")
    assert [row["quantity"] for row in held] == [210, 10]
    assert [row["closed_by"] for row in copy.rows("from lot_closures")] == ["fill"]
    copy.land("order_events", [LATE])
    copy.dbt(*RUN)
    restated = rows(copy)
    copy.dbt(*RUN, "--full-refresh")
    assert rows(copy) == restated


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ({}, ""),
        ({"quantity": "49"}, "quantity"),
        ({"side": "sell", "symbol": "MSFT"}, "instrument or side"),
    ],
)
def test_legs_of_one_transfer_are_the_same_lot(
    change: dict[str, str], differing: str, warehouse: Warehouse, tmp_path: Path
) -> None:
    copy = warehouse.copy(tmp_path / "data")
    leg = LEFT | {"event_id": "went", "order_id": "went", "trade_id": "went", "transfer_id": "7"}
    leg |= {"account_id": "main"}
    came = OPENING | {"event_id": "came", "order_id": "came", "trade_id": "came"}
    came |= {"event_time": LEFT["event_time"], "quantity": leg["quantity"], "transfer_id": "7"}
    copy.land("order_events", [leg, came | {"account_id": "second"} | change])
    copy.dbt("run", "--select", "+int_fills", "--vars", "{as_of: '2024-01-06 00:00:00'}")
    copy.dbt("test", "--select", "transfer_legs_differ", "--store-failures")
    found = copy.rows("from duckdb_tables() where table_name = 'transfer_legs_differ'")
    told = copy.rows(f"from {found[0]['schema_name']}.transfer_legs_differ")
    assert [row["differing"] for row in told] == ([differing] if differing else [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"transfer_cost": ""}, "a transfer_in without transfer_cost"),
        ({"quantity": "0"}, "a transfer of nothing: its quantity is 0"),
        ({"fees": "1"}, "a transfer is no fill: land what it cost in fees as cash"),
        ({"original_time": "2024-01-02 10:01:01"}, "original_time: after event_time"),
        ({"position_side": "SHORT"}, "position_side: not that of the transfer's side"),
        (
            {"event_type": "created"},
            "transfer_cost, original_time or transfer_id of what is no transfer",
        ),
    ],
)
def test_what_is_no_transfer_is_rejected(
    change: dict[str, str], reason: str, tmp_path: Path
) -> None:
    more = {"exchange": "alpaca", "symbol": "AAPL", "side": "buy", "order_type": "transfer",
            "client_order_id": "c", "fees": "", "position_side": "Long"}  # fmt: skip
    good = more | OPENING
    bad = good | {"event_id": "bad"} | change
    file = tmp_path / "opening.csv"
    lines = [
        ",".join(good),
        *(",".join(str(value) for value in row.values()) for row in (good, bad)),
    ]
    file.write_text("\n".join(lines) + "\n")
    data_dir = Warehouse(tmp_path / "data").data_dir
    settings = load_settings(tmp_path / "none.toml", {"DATA_DIR": str(data_dir)})
    (result,) = land_files(settings, "orders", [file], account="second")
    assert (result.landed, result.rejected) == (1, 1)
    with duckdb.connect(str(data_dir / "trading.duckdb")) as connection:
        assert connection.execute("select reason from raw.rejected_rows").fetchall() == [(reason,)]
        landed = "select account_id, transfer_cost, original_time from raw.order_events"
        assert connection.execute(landed).fetchall() == [
            ("second", Decimal(45000), datetime(2019, 3, 14, 15, 30))
        ]
