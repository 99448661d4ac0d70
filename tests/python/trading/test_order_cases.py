"""Situations from public reports about orders and P&L: the value beside each file, exactly.

Each case is an account of its own, so that one warehouse holds them all (data/cases).
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_ingest.landing.land import land_files
from python_ingest.settings import load_settings

from .trading_warehouse import Warehouse

CASES = Path(__file__).parent / "data" / "cases"
MARTS = ("orders", "trades", "positions", "round_trips", "account_snapshots")
FUTURE = ("zl", "FUT", "future", None, "USD", None, "168", True, None)
REPLACED, REPLACEMENT = (f"0000000{n}-0000-4000-8000-00000000000{n}" for n in (3, 4))


def land_case(warehouse: Warehouse, path: Path) -> dict[str, Any]:
    """Land a file of a case in the account that has the case's number."""
    settings = load_settings(path.parent / "none.toml", {"DATA_DIR": str(warehouse.data_dir)})
    number, kind = path.stem.split("-")[0], path.stem.split("-")[-1]
    kind = kind if kind in ("ticks", "cash", "actions") else "orders"
    account = number if kind in ("orders", "cash") else None
    (result,) = land_files(settings, kind, [path], account=account)
    assert (result.error, result.rejected) == (None, 0)
    names = ("read", "landed", "duplicate", "ignored")
    return {name: getattr(result, name) for name in names}


def made(data_dir: Path) -> Warehouse:
    warehouse = Warehouse(data_dir)
    warehouse.dbt("seed")
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(
            "insert into reference.instruments values (?, ?, ?, ?, ?, ?, ?, ?, ?, null)", FUTURE
        )
    return warehouse


@pytest.fixture(scope="module")
def counts() -> dict[str, dict[str, Any]]:
    return {}


@pytest.fixture(scope="module")
def warehouse(
    tmp_path_factory: pytest.TempPathFactory, counts: dict[str, dict[str, Any]]
) -> Warehouse:
    cases = made(tmp_path_factory.mktemp("cases") / "data")
    for path in sorted(CASES.iterdir()):
        counts[path.stem[:2]] = land_case(cases, path)
    cases.built = cases.dbt(
        "build", "--select", "+marts.market", "+marts.trading", "path:tests/invariants",
        "--exclude-resource-type", "unit_test", "seed",
    ).stdout  # fmt: skip
    return cases


@pytest.fixture(scope="module")
def shortened(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Cases before their last line; nobody changes it."""
    folder = tmp_path_factory.mktemp("shortened")
    cases = made(folder / "data")
    for name in ("08-alpaca-notional", "11-full-order-corrected-down"):
        lines = (CASES / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()
        path = folder / f"{name}.ndjson"
        path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
        land_case(cases, path)
    cases.build()
    return cases


def order(warehouse: Warehouse, account: str, at: int = 0) -> dict[str, Any]:
    found = warehouse.rows("from orders where account_id = ? order by created_at", [account])
    return found[at]


def held(warehouse: Warehouse, account: str, columns: str, more: str = "true") -> list[Any]:
    query = f"select {columns} from positions where account_id = ? and {more}"
    return [
        tuple(row.values()) for row in warehouse.rows(query + " order by snapshot_time", [account])
    ]


def test_01_notionals_of_a_currency_with_many_digits(warehouse: Warehouse) -> None:
    columns = "quantity, average_entry_price, total_cost_basis"
    (first, *_, last) = held(warehouse, "01", columns, "symbol = 'BTCKRW'")
    assert first == (60, 150_000_000, 9_000_000_000)
    assert last == (120, 150_000_000, 18_000_000_000)
    assert held(warehouse, "01", columns, "symbol = 'AAPL'")[0] == (1, 200, 200)


def test_02_a_bad_print_is_a_price(warehouse: Warehouse) -> None:
    marks = {
        at: held(warehouse, "02", "current_price, market_value", f"snapshot_time = '{at}'")
        for at in ("2026-03-02 11:00:00", "2026-03-02 13:00:00")
    }
    assert marks["2026-03-02 11:00:00"] == [(Decimal("199999.99"), 19_999_999_000)]
    assert marks["2026-03-02 13:00:00"] == [(200, 20_000_000)]


def test_03_a_stream_from_its_connection_on(
    warehouse: Warehouse, counts: dict[str, dict[str, Any]]
) -> None:
    assert counts["03"] == {"read": 6, "landed": 3, "duplicate": 1, "ignored": 2}
    (last,) = held(warehouse, "03", "quantity, average_entry_price", "true")[-1:]
    assert last == (5, Decimal("170.112"))


def test_04_corrections_of_corrections(warehouse: Warehouse) -> None:
    trades = warehouse.rows("from trades where account_id = '04'")
    assert [(t["symbol"], t["quantity"], t["price"]) for t in trades] == [("KO", 90, 51)]
    kept, busted = order(warehouse, "04"), order(warehouse, "04", 1)
    assert (kept["symbol"], kept["status"], kept["filled_quantity"]) == ("KO", "filled", 90)
    assert (busted["status"], busted["status_message"]) == ("cancelled", "fill busted")


def test_06_a_replaced_order_ends_and_the_new_one_names_it(warehouse: Warehouse) -> None:
    first, second = order(warehouse, "06"), order(warehouse, "06", 1)
    assert (first["source_order_id"], second["source_order_id"]) == (REPLACED, REPLACEMENT)
    assert (first["status"], first["status_message"]) == ("cancelled", "replaced")
    assert (first["filled_quantity"], second["filled_quantity"]) == (4, 6)
    assert (second["status"], second["parent_order_id"]) == ("filled", first["order_id"])


def test_07_nine_decimals(warehouse: Warehouse) -> None:
    assert held(warehouse, "07", "quantity")[-1] == (Decimal("0.957680115"),)


def test_08_an_order_for_an_amount_of_money(warehouse: Warehouse) -> None:
    spy, qqq = order(warehouse, "08"), order(warehouse, "08", 1)
    assert (spy["status"], spy["filled_quantity"], spy["quantity"]) == (
        "cancelled", Decimal("0.3"), None,
    )  # fmt: skip
    assert (qqq["status"], qqq["quantity"]) == ("filled", Decimal("1.125"))


def test_08_is_partial_until_it_is_told_to_be_filled(shortened: Warehouse, tmp_path: Path) -> None:
    first = order(shortened, "08", 1)
    assert (first["symbol"], first["status"], first["quantity"]) == ("QQQ", "partial", None)
    *_, last = (CASES / "08-alpaca-notional.ndjson").read_text(encoding="utf-8").splitlines()
    path = tmp_path / "08-rest.ndjson"
    path.write_text(last + "\n", encoding="utf-8")
    whole = shortened.copy(tmp_path / "data")
    land_case(whole, path)
    whole.build()
    assert order(whole, "08", 1)["status"] == "filled"


def test_09_a_prevented_trade_ends_by_the_status(warehouse: Warehouse) -> None:
    found = warehouse.rows("from orders where account_id = '09' order by source_order_id")
    assert [(o["source_order_id"], o["status"], o["filled_quantity"]) for o in found] == [
        ("1001", "cancelled", Decimal("0.4")), ("1002", "cancelled", 0),
    ]  # fmt: skip
    assert {o["status_message"] for o in found} == {"self-trade prevention"}


def test_11_a_bust_ends_a_full_order_that_was_corrected_down(warehouse: Warehouse) -> None:
    (found,) = warehouse.rows("from orders where account_id = '11'")
    assert (found["status"], found["status_message"]) == ("cancelled", "fill busted")
    assert found["filled_quantity"] == 20


def test_11_a_correction_does_not_reopen_it(shortened: Warehouse) -> None:
    (found,) = shortened.rows("from orders where account_id = '11'")
    assert (found["status"], found["filled_quantity"]) == ("filled", 80)


def test_12_a_mark_after_a_split_is_of_the_exact_ratio(warehouse: Warehouse) -> None:
    columns = "quantity, unrealized_pnl, market_value"
    (row,) = held(warehouse, "12", columns, "snapshot_time = '2026-04-03 00:00:00'")
    assert row == (1_500_000, 100_000, 22_600_000)


def test_13_returns_end_where_equity_is_lost_and_begin_with_the_next_flow(
    warehouse: Warehouse,
) -> None:
    rows = warehouse.rows("from account_snapshots where account_id = '13' order by snapshot_time")
    lost = [r for r in rows if "2026-03-03 10" < str(r["snapshot_time"]) < "2026-03-04 09:00:00"]
    assert lost
    assert {(r["total_pnl_pct"], r["max_drawdown_pct"]) for r in lost} == {(None, None)}
    after = [r for r in rows if str(r["snapshot_time"]) > "2026-03-05 12"]
    assert after[-1]["total_pnl_pct"] == Decimal("11.2903")


def test_14_an_option_nobody_listed_counts_100(warehouse: Warehouse) -> None:
    assert held(warehouse, "14", "realized_pnl")[-1] == (50,)
    unlisted = warehouse.rows(
        "from (select exchange, symbol, settle_currency, multiplier"
        " from intermediate.int_traded_instruments where not is_listed) order by all"
    )
    option = {"exchange": "alpaca", "symbol": "AAPL260320C00170000"}
    assert option | {"settle_currency": "USD", "multiplier": 100} in unlisted
    assert "instruments_are_listed" in warehouse.built
    assert all(row["symbol"] != "FUT" for row in unlisted)


def test_no_order_of_the_cases_is_open(warehouse: Warehouse) -> None:
    assert warehouse.rows("from orders where status in ('pending', 'submitted', 'partial')") == []


def marts(warehouse: Warehouse) -> dict[str, list[Any]]:
    """Every row, without when it was landed."""
    found = {mart: warehouse.rows(f"from {mart}") for mart in MARTS}
    return {
        mart: sorted(str({k: v for k, v in row.items() if k != "reported_at"}) for row in rows)
        for mart, rows in found.items()
    }


def test_any_order_and_any_split_into_builds_give_the_same(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """Each line is a file; the last comes first, and there are builds in between."""
    late = made(tmp_path / "data")
    lines = []
    for path in sorted(CASES.iterdir(), reverse=True):
        kind = path.stem.split("-")[-1]
        if kind in ("ticks", "actions"):
            land_case(late, path)
            continue
        for line in reversed(path.read_text(encoding="utf-8").splitlines()):
            if '"stream": "authorization"' not in line and '"stream": "listening"' not in line:
                lines.append((f"{path.stem[:2]}-{{}}{path.stem[2:]}.ndjson", line))
    for number, (name, line) in enumerate(lines, start=1):
        part = tmp_path / name.format(number)
        part.write_text(line + "\n", encoding="utf-8")
        land_case(late, part)
        if number % 11 == 0:
            late.build("seed")
    late.build("seed")
    at_once, in_parts = marts(warehouse), marts(late)
    for mart in MARTS:
        assert in_parts[mart] == at_once[mart], mart
