"""Seeds and settings that change between two builds: the next one computes anew what they touch."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_ingest.schema.migrate import migrate

from .trading_warehouse import Warehouse

MARTS = ("orders", "trades", "positions", "current_positions", "round_trips", "portfolio_snapshots")
DAY = "2024-03-04"


def fill(order: str, at: str, side: str, size: str, price: str, **more: Any) -> dict[str, Any]:
    return {
        "event_id": order, "event_type": "fill", "event_time": f"{DAY} {at}", "order_id": order,
        "side": side, "quantity": size, "trade_id": order, "fill_quantity": size,
        "fill_price": price, **more,
    }  # fmt: skip


def change(warehouse: Warehouse, statement: str) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(statement)


def marts(warehouse: Warehouse) -> dict[str, list[dict[str, Any]]]:
    return {mart: warehouse.rows(f"from {mart} order by all") for mart in MARTS}


def rebuilt(warehouse: Warehouse, *arguments: str) -> Warehouse:
    """The same input built from nothing."""
    copy = warehouse.copy(warehouse.data_dir.with_name("rebuilt"))
    copy.build("seed", "--full-refresh", *arguments)
    return copy


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = Warehouse(tmp_path_factory.mktemp("inputs") / "data")
    ticks = [("fut", "ES", "09:30:10", "110"), ("alpaca", "AAPL", "09:30:10", "95"),
             ("fx", "EURUSD", "09:00:10", "1.25"), ("fx", "EURUSD", "09:45:10", "1.5")]  # fmt: skip
    made.land(
        "market_ticks",
        [
            {"exchange": exchange, "symbol": symbol, "timestamp": f"{DAY} {at}",
             "last_price": price, "last_size": "1", "trade_id": at}
            for exchange, symbol, at, price in ticks
        ],
    )  # fmt: skip
    made.land("cash_events", [{"event_id": "c", "event_time": f"{DAY} 08:00:00", "amount": "1000"}])
    future = {"exchange": "fut", "symbol": "ES"}
    made.land(
        "order_events",
        [
            fill("aapl1", "09:10:00", "buy", "3", "90", commission="2",
                 commission_currency="EUR"),
            fill("aapl2", "11:10:00", "sell", "3", "92"),
        ],
    )  # fmt: skip
    made.land(
        "order_events",
        [
            fill("es1", "09:10:00", "buy", "2", "100", commission="1", **future),
            fill("es2", "09:20:00", "sell", "1", "104", commission="1", **future),
        ],
    )
    made.build()
    return made


def test_an_instrument_that_is_listed_later(warehouse: Warehouse) -> None:
    newest = "from current_positions where symbol = 'ES'"
    assert warehouse.rows(newest)[0]["realized_pnl"] == 4  # by the defaults
    # What the change does not touch is left alone: a mark put into another position stays.
    mark = (
        "update warm.positions_warm set current_price = {} where symbol = 'AAPL'"
        f" and snapshot_time = '{DAY} 10:00:00'"
    )
    change(warehouse, mark.format(77))
    change(
        warehouse,
        "insert into reference.instruments by name select 'fut' as exchange, 'ES' as symbol,"
        " 'EUR' as quote_currency, 5 as multiplier, true as margined",
    )
    warehouse.build("seed")
    (row,) = warehouse.rows(newest)
    assert (row["realized_pnl"], row["unrealized_pnl"], row["market_value"]) == (20, 50, 550)
    (trade,) = warehouse.rows("from trades where source_order_id = 'es2'")
    assert (trade["realized_pnl"], trade["commission_currency"]) == (20, "EUR")
    (order,) = warehouse.rows("from orders where source_order_id = 'es2'")
    assert order["commission_currency"] == "EUR"
    marked = warehouse.rows(
        f"from positions where symbol = 'AAPL' and snapshot_time = '{DAY} 10:00:00'"
    )
    assert [row["current_price"] for row in marked] == [77]
    change(warehouse, mark.format(95))


def test_a_pair_that_is_listed_later_and_another_end_of_day(warehouse: Warehouse) -> None:
    (before,) = warehouse.rows("from round_trips")
    assert before["commission"] == 0  # in EUR, which has no price yet
    change(
        warehouse,
        "insert into reference.instruments by name select 'fx' as exchange, 'EURUSD' as symbol,"
        " 'EUR' as base_currency, 'USD' as quote_currency",
    )
    settings = ("--vars", "{portfolio_eod_time: '10:30:00'}")
    warehouse.build("seed", *settings)
    (after,) = warehouse.rows("from round_trips")
    assert (after["commission"], after["net_pnl"]) == (Decimal("2.5"), Decimal("3.5"))  # 2 * 1.25
    (day_end,) = warehouse.rows("from portfolio_snapshots where snapshot_type = 'eod'")
    # ES: 20 realised, 50 unrealised less 2 of commission, in EUR at 1.5; AAPL: 15 less 2 EUR.
    assert str(day_end["snapshot_time"]) == f"{DAY} 10:30:00"
    assert day_end["equity"] == 1000 + 68 * Decimal("1.5") + 15 - Decimal("2.5")
    assert marts(warehouse) == marts(rebuilt(warehouse, *settings))


@pytest.mark.parametrize("refresh", [(), ("--full-refresh",)], ids=["restated", "refreshed"])
def test_what_was_built_in_part_and_changed_back_is_restated(
    warehouse: Warehouse, refresh: tuple[str, ...]
) -> None:
    settings = ("--vars", "{portfolio_eod_time: '10:30:00'}")
    warehouse.build("seed", *settings)
    before = marts(warehouse)
    change(
        warehouse,
        "insert into reference.instruments by name select 'alpaca' as exchange, 'AAPL' as symbol,"
        " 'USD' as quote_currency, 100 as multiplier",
    )
    warehouse.dbt("run", "--select", "+positions_warm", *refresh, *settings)
    assert marts(warehouse) != before
    change(warehouse, "delete from reference.instruments where symbol = 'AAPL'")
    warehouse.build("seed", *settings)
    assert marts(warehouse) == before


def test_what_did_not_change_costs_nothing(warehouse: Warehouse) -> None:
    settings = ("--vars", "{portfolio_eod_time: '10:30:00'}")
    warehouse.build("seed", *settings)
    touched = "select count(*) as n from intermediate."
    for model in ("int_orders_to_restate", "int_positions_to_restate", "int_valuations_to_restate"):
        assert warehouse.rows(touched + model) == [{"n": 0}]


@pytest.mark.parametrize(
    ("multiplier", "why"),
    [
        ("0", "is not above zero"),
        ("-50", "is not above zero"),
        ("0.00005", "has more than four decimals"),
        ("1.000000000001", "has more than four decimals"),
        ("1e15", "has more than four decimals, or fourteen digits"),
    ],
)
def test_a_multiplier_that_cannot_be_counted_with_is_named(
    warehouse: Warehouse, tmp_path: Path, multiplier: str, why: str
) -> None:
    before = marts(warehouse)
    wrong = warehouse.copy(tmp_path / "data")
    change(
        wrong,
        "insert into reference.instruments by name select 'cme' as exchange, 'ES' as symbol,"
        f" 'USD' as quote_currency, {multiplier} as multiplier",
    )
    done = wrong.dbt("build", "--select", "stg_instruments+", "--exclude-resource-type",
                     "test", "unit_test", "snapshot", check=False)  # fmt: skip
    assert done.returncode == 1
    assert f"The multiplier of cme ES in seeds/instruments.csv {why}" in done.stdout
    assert marts(wrong) == before


@pytest.mark.parametrize(
    ("currencies", "why"),
    [
        (("BTC", "BTC", None), "Base and quote currency of bybit BTCUSD in seeds/instruments.csv"),
        (("BTC", "USD", "ETH"), "The settle_currency of bybit BTCUSD in seeds/instruments.csv"),
    ],
)
def test_a_contract_whose_money_is_unclear_stops_the_build(
    currencies: tuple[str, str, str | None], why: str, warehouse: Warehouse, tmp_path: Path
) -> None:
    before = marts(warehouse)
    inverse = warehouse.copy(tmp_path / "data")
    base, quote, settle = currencies
    change(
        inverse,
        "insert into reference.instruments by name select 'bybit' as exchange,"
        f" 'BTCUSD' as symbol, '{base}' as base_currency, '{quote}' as quote_currency,"
        f" true as margined, {repr(settle) if settle else 'null'} as settle_currency",
    )
    done = inverse.dbt("build", "--select", "stg_instruments+", "--exclude-resource-type",
                       "test", "unit_test", "snapshot", check=False)  # fmt: skip
    assert done.returncode == 1
    assert why in done.stdout
    assert marts(inverse) == before


# As the version before 026 left it: the row of a turn has what the next position had fallen.
TURNS_OF_BEFORE = """
delete from raw.schema_versions where version >= 28;
alter table raw.market_ticks add column content_hash bigint;
delete from intermediate.int_position_drawdowns where not is_shown;
update intermediate.int_position_drawdowns set deepest_fall = 0;
update warm.positions_warm set max_drawdown = 0, max_drawdown_pct = 0;
"""


def test_drawdowns_of_turns_are_restated_after_an_upgrade(tmp_path: Path) -> None:
    made = Warehouse(tmp_path / "data")
    tick = {"timestamp": f"{DAY} 09:00:10", "last_price": "90", "last_size": "1", "trade_id": "t"}
    made.land("market_ticks", [tick])
    made.land(
        "order_events",
        [
            fill("o1", "09:10:00", "buy", "3", "90"),
            fill("o2", "09:20:00", "sell", "5", "80"),  # loses 30 and turns
            fill("o3", "09:30:00", "buy", "2", "75"),
        ],
    )
    made.build()
    right = marts(made)
    falls = [row["max_drawdown"] for row in right["positions"]]
    assert 30 in falls, falls
    with duckdb.connect(str(made.path)) as connection:
        connection.execute(TURNS_OF_BEFORE)
        assert migrate(connection)[0] == "028_drawdowns_at_turns"
    assert marts(made) != right
    made.build()
    assert marts(made) == right
